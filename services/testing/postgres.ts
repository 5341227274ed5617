/**
 * A database with the table for a file of tests: on the server of all files, or with `own` on one that
 * can freeze, die and come back, and whose settings may be changed.
 */
import process from "node:process"
import { afterAll, beforeAll } from "vitest"
import { temporaryDirectory } from "../../scripts/servers/directory.ts"
import { startPostgres } from "../../scripts/servers/postgres.ts"
import { type Database, openDatabase } from "../../shared/postgres/postgres.ts"
import { borrow, type Opened, type Ownership } from "./borrowed.ts"
import { migrate } from "./migrate.ts"

const openOwn = async () => {
  const directory = await temporaryDirectory()
  // Not synced to the disk: what a process has written outlives the process, if not the machine.
  const settings = { fsync: "off", shared_buffers: "16MB" }
  const start = (port = 0) => startPostgres({ directory: directory.path, settings, port })
  let store = await start()
  await migrate(store.url)
  return {
    store: () => store,
    restart: async () => {
      store = await start(store.port)
    },
    close: async () => {
      await store.stop()
      await directory.remove()
    },
  }
}

/** @throws from `kill`, `stop`, `pid` and `exited` of the store, unless it is its own. */
export const openPostgres = ({ own = false }: Ownership = {}): Promise<Opened> =>
  own ? openOwn() : borrow("postgres")

export const usePostgres = (options: Ownership = {}) => {
  let opened: Opened
  let database: Database

  beforeAll(async () => {
    opened = await openPostgres(options)
    database = openDatabase(opened.store().url, {
      ...{ name: "test", maxConnections: 2, deadlineMillis: 10_000 },
    })
  })
  afterAll(async () => {
    await database?.close()
    await opened?.close()
  })

  /** The server and the processes that serve its clients: the latter are not in its process group. */
  const pids = async () => {
    const rows = await database.run(
      (sql) => sql<{ pid: number }[]>`
        select pid from pg_stat_activity where backend_type = 'client backend'`,
    )
    return [opened.store().pid, ...rows.map(({ pid }) => pid)]
  }

  return {
    url: () => opened.store().url,
    port: () => opened.store().port,
    run: <A>(query: Parameters<typeof database.run<A>>[0]) => database.run(query),
    /** Stops all processes of its own server for as long as `during` takes. */
    frozen: async <A>(during: () => Promise<A>): Promise<A> => {
      const stopped = await pids()
      for (const pid of stopped) process.kill(pid, "SIGSTOP")
      try {
        return await during()
      } finally {
        for (const pid of stopped) process.kill(pid, "SIGCONT")
      }
    },
    /** Kills its own server without a warning, and starts it again on its port after `during`. */
    down: async <A>(during: () => Promise<A>): Promise<A> => {
      const { kill, exited } = opened.store()
      kill("SIGKILL")
      await exited
      try {
        return await during()
      } finally {
        await opened.restart()
      }
    },
  }
}
