/**
 * A database with the table: on the server of all test files, or with `own` on one that can freeze, die and
 * come back, and whose settings may be changed. Statements run as the owner of everything.
 */
import process from "node:process"
import { afterAll, beforeAll } from "vitest"
import { startPostgres } from "../../scripts/servers/postgres.ts"
import { openDatabase } from "../../shared/postgres/postgres.ts"
import { TABLE } from "../../shared/testing/table.ts"
import { migrate } from "./migrate.ts"
import { borrow, type Ownership, openOwn } from "./store.ts"

/** Not synced to the disk: what a process has written outlives the process, if not the machine. */
const SETTINGS = { fsync: "off", shared_buffers: "16MB" }

interface PostgresOptions extends Ownership {
  /** Hears each line that a server of its own prints. */
  readonly onLine?: ((line: string) => void) | undefined
}

export type TestPostgres = Awaited<ReturnType<typeof openPostgres>>

export const openPostgres = async ({ own = false, onLine }: PostgresOptions = {}) => {
  const opened = own
    ? await openOwn((directory, port) =>
        startPostgres({ directory, port, settings: SETTINGS, onLine }),
      )
    : await borrow("postgres")
  if (own) await migrate(opened.url)
  const owner = openDatabase(opened.url, {
    ...{ name: "test", maxConnections: 2, deadlineMillis: 30_000 },
  })
  const sql = async <A>(text: string): Promise<A[]> =>
    (await owner.run((query) => query.unsafe(text))) as unknown as A[]

  let stopped: number[] = []
  /** Stops all its processes: those that serve clients are in groups of their own. */
  const freeze = async () => {
    const rows = await sql<{ pid: number }>("select pid from pg_stat_activity")
    stopped = [opened.pid(), ...rows.map(({ pid }) => pid)]
    for (const pid of stopped) process.kill(pid, "SIGSTOP")
  }
  const thaw = () => {
    for (const pid of stopped.splice(0)) process.kill(pid, "SIGCONT")
  }
  return {
    ...opened,
    run: owner.run,
    sql,
    freeze,
    thaw,
    /** Frozen for as long as `during` takes. */
    frozen: async <A>(during: () => Promise<A>): Promise<A> => {
      await freeze()
      try {
        return await during()
      } finally {
        thaw()
      }
    },
    /** Holds a lock that no statement gets past, until the function returned is called. */
    lock: async (statement = `lock table ${TABLE}`): Promise<() => Promise<void>> => {
      const locked = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      const done = owner.run((query) =>
        query.begin(async (transaction) => {
          await transaction.unsafe(statement)
          locked.resolve()
          await release.promise
        }),
      )
      await Promise.race([locked.promise, done])
      return async () => {
        release.resolve()
        await done
      }
    },
    close: async () => {
      thaw()
      await owner.close()
      await opened.close()
    },
  }
}

export const usePostgres = (options: Ownership = {}): (() => TestPostgres) => {
  let opened: TestPostgres
  beforeAll(async () => {
    opened = await openPostgres(options)
  })
  afterAll(() => opened?.close())
  return () => opened
}
