/**
 * The two stores of a fault test as things that break: killed, stopped, frozen, emptied, and started again
 * on their port with the data they had. Their passwords are canaries: no output of any process may show one.
 */
import { readdir, rm, stat, truncate } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { startPostgres } from "../../../scripts/servers/postgres.ts"
import { startRedis } from "../../../scripts/servers/redis.ts"
import type { Store } from "../../../scripts/servers/store.ts"
import { type Database, openDatabase } from "../../../shared/postgres/postgres.ts"
import { type Connection, openRedis, untilReady } from "../../../shared/redis/redis.ts"

/** Whatever must not be seen outside has this word in it. */
export const CANARY = "canary"
const PASSWORD = `${CANARY}-password-0123456789`

/** The worker's and the reader's, so that what they may do can be taken from them. */
const ROLE = "services"

type Lines = (line: string) => void

/** What both stores have: an end of every kind, and a start after it. */
const makeStore = async (start: (port?: number) => Promise<Store>) => {
  let store = await start()
  let alive = true
  const end = async (signal: NodeJS.Signals) => {
    alive = false
    store.kill(signal)
    // A process that is frozen takes no other signal.
    store.kill("SIGCONT")
    await store.exited
  }
  return {
    port: store.port,
    pid: () => store.pid,
    kill: (signal: NodeJS.Signals) => store.kill(signal),
    /** Sends the signal and waits until it is gone. */
    end,
    /** Starts it if it does not run. */
    start: async () => {
      if (alive) return
      store = await start(store.port)
      alive = true
    },
    stop: () => store.stop(),
  }
}

export type RedisStore = Awaited<ReturnType<typeof makeRedis>>

export const makeRedis = async (
  directory: string,
  settings: Readonly<Record<string, string>>,
  onLine: Lines,
) => {
  const start = (port?: number) =>
    startRedis({
      ...{ directory, kind: "native", onLine },
      settings: { requirepass: PASSWORD, ...settings },
      ...(port !== undefined && { port }),
    })
  const store = await makeStore(start)
  const urlAt = (port: number) => `redis://:${PASSWORD}@127.0.0.1:${port}`
  const queue: Connection = openRedis(urlAt(store.port), { name: "test" })
  await untilReady(queue)
  const log = join(directory, "appendonlydir")
  /** The file that grows; the others are as old as the last rewrite. */
  const tail = async () => {
    const files = (await readdir(log)).filter((file) => file.endsWith(".incr.aof")).sort()
    return join(log, files.at(-1) as string)
  }
  return {
    ...store,
    urlAt,
    /** A connection of the test's own, past every proxy. */
    queue,
    start: async () => {
      await store.start()
      await untilReady(queue, 10_000)
    },
    /** Only while it is down: everything it kept is gone. */
    forget: () => rm(log, { recursive: true }),
    size: async () => (await stat(await tail())).size,
    /** Only while it is down: as if the machine had died amid a write. */
    truncate: async (bytes: number) => truncate(await tail(), bytes),
    stop: async () => {
      queue.disconnect()
      await store.stop()
    },
  }
}

export type PostgresStore = Awaited<ReturnType<typeof makePostgres>>

/** The role may do what the two services need, and no more. */
const ROLE_SQL = `
  create role ${ROLE} login password '${PASSWORD}';
  grant select, insert, update on key_values to ${ROLE}`

export const makePostgres = async (directory: string, onLine: Lines) => {
  const start = (port?: number) =>
    startPostgres({
      ...{ directory, onLine },
      settings: { shared_buffers: "16MB" },
      ...(port !== undefined && { port }),
    })
  let opened: Store | undefined
  const store = await makeStore(async (port) => {
    opened = await start(port)
    return opened
  })
  const owner: Database = openDatabase(opened?.url as string, {
    ...{ name: "test", maxConnections: 2, deadlineMillis: 30_000 },
  })
  const sql = async <A>(text: string): Promise<A[]> =>
    (await owner.run((query) => query.unsafe(text))) as unknown as A[]
  /** All its processes: those that serve clients are in groups of their own. */
  const pids = async () => {
    const rows = await sql<{ pid: number }>("select pid from pg_stat_activity")
    return [store.pid(), ...rows.map(({ pid }) => pid)]
  }
  let frozen: number[] = []
  const thaw = () => {
    for (const pid of frozen.splice(0)) process.kill(pid, "SIGCONT")
  }
  return {
    ...store,
    role: ROLE,
    password: PASSWORD,
    ownerUrl: opened?.url as string,
    urlAt: (port: number) => `postgres://${ROLE}:${PASSWORD}@127.0.0.1:${port}/write_buffer`,
    /** Runs a statement as the owner of everything, past every proxy. */
    sql,
    makeRole: () => sql(ROLE_SQL),
    /** Ends the services' sessions, so that the next ones meet what has changed for the role. */
    terminate: () =>
      sql(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${ROLE}'`),
    /** Holds a lock on the table that no statement gets past, until the function returned is called. */
    lock: async (): Promise<() => Promise<void>> => {
      const locked = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      const done = owner.run((query) =>
        query.begin(async (transaction) => {
          await transaction`lock table key_values`
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
    freeze: async () => {
      frozen = await pids()
      for (const pid of frozen) process.kill(pid, "SIGSTOP")
    },
    thaw,
    stop: async () => {
      thaw()
      await owner.close()
      await store.stop()
    },
  }
}
