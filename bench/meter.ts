/**
 * What a load costs: of PostgreSQL its commits, WAL and CPU time; of any process its CPU time and memory.
 * Times of processes come from /proc, in hundredths of a second, and are null where there is none.
 */
import { readdir, readFile } from "node:fs/promises"
import type { Database } from "../shared/postgres/postgres.ts"

/** USER_HZ, which is 100 on every Linux that has Node. */
const TICKS_PER_SECOND = 100
const KIBIBYTE = 1_024

interface Times {
  readonly parent: number
  readonly own: number
  /** Of children that have ended. */
  readonly ended: number
}

const times = async (pid: number): Promise<Times | null> => {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null)
  if (text === null) return null
  // The name of the program is in parentheses and may hold anything.
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number)
  const [, parent = 0] = fields
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15)
  return { parent, own: user + system, ended: endedUser + endedSystem }
}

/**
 * CPU time so far of processes and of all their children, the ended ones included, in seconds: a PostgreSQL
 * is many, and a Redis that writes its log anew is two. Null for a process that is not there.
 */
export const readCpuSeconds = async <Name extends string>(
  pids: Readonly<Record<Name, number | null>>,
) => {
  const known = (await readdir("/proc").catch(() => [])).map(Number).filter(Number.isInteger)
  const all = new Map(await Promise.all(known.map(async (pid) => [pid, await times(pid)] as const)))
  const secondsOf = (pid: number | null) => {
    const root = pid === null ? null : all.get(pid)
    if (!root) return null
    const children = [...all.values()].filter((found) => found?.parent === pid)
    const ticks = children.reduce((sum, child) => sum + (child?.own ?? 0), root.own + root.ended)
    return ticks / TICKS_PER_SECOND
  }
  const named = Object.entries<number | null>(pids)
  return Object.fromEntries(named.map(([name, pid]) => [name, secondsOf(pid)])) as Readonly<
    Record<Name, number | null>
  >
}

/** Memory of a process that is its own and in use, in bytes. */
export const residentBytes = async (pid: number | null): Promise<number | null> => {
  const text = pid === null ? null : await readFile(`/proc/${pid}/status`, "utf8").catch(() => null)
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB/m.exec(text ?? "") ?? []
  return kibibytes === undefined ? null : Number(kibibytes) * KIBIBYTE
}

export interface DatabaseCost {
  readonly commits: number
  readonly walBytes: number
}

/**
 * Commits as transaction ids: each transaction that wrote has one, and they are exact at once. The
 * count in pg_stat_database may lag by 10 s, and has everybody's reads in it.
 */
export const readDatabaseCost = async (database: Database): Promise<DatabaseCost> => {
  const [row] = await database.run(
    (sql) => sql<[{ commits: string; wal: string }]>`
      select
        pg_snapshot_xmax(pg_current_snapshot())::text as commits,
        pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text as wal`,
  )
  return { commits: Number(row.commits), walBytes: Number(row.wal) }
}
