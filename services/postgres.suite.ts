/** A PostgreSQL of its own for a file of tests, with the table, which can freeze, die and come back. */
import { execFile } from "node:child_process"
import process from "node:process"
import { promisify } from "node:util"
import { afterAll, beforeAll } from "vitest"
import { type Directory, temporaryDirectory } from "../scripts/directory.ts"
import { startPostgres } from "../scripts/postgres.ts"
import type { Store } from "../scripts/store.ts"
import { type Database, openDatabase } from "../shared/database.ts"

export const usePostgres = () => {
  let directory: Directory
  let store: Store
  let database: Database

  const start = (port?: number) =>
    startPostgres({
      directory: directory.path,
      settings: { fsync: "off", shared_buffers: "16MB" },
      ...(port !== undefined && { port }),
    })

  beforeAll(async () => {
    directory = await temporaryDirectory()
    store = await start()
    database = openDatabase(store.url, { name: "test", maxConnections: 2, deadlineMillis: 10_000 })
    const env = { ...process.env, DATABASE_URL: store.url }
    await promisify(execFile)(process.execPath, ["scripts/migrate.ts"], { env })
  })
  afterAll(async () => {
    await database?.close()
    await store?.stop()
    await directory?.remove()
  })

  /** The server and the processes that serve its clients: the latter are not in its process group. */
  const pids = async () => {
    const rows = await database.run(
      (sql) => sql<{ pid: number }[]>`
        select pid from pg_stat_activity where backend_type = 'client backend'`,
    )
    return [store.pid, ...rows.map(({ pid }) => pid)]
  }

  return {
    url: () => store.url,
    port: () => store.port,
    run: <A>(query: Parameters<typeof database.run<A>>[0]) => database.run(query),
    /** Stops all its processes for as long as `during` takes. */
    frozen: async <A>(during: () => Promise<A>): Promise<A> => {
      const stopped = await pids()
      for (const pid of stopped) process.kill(pid, "SIGSTOP")
      try {
        return await during()
      } finally {
        for (const pid of stopped) process.kill(pid, "SIGCONT")
      }
    },
    /** Kills it without a warning, and starts it again on its port after `during`. */
    down: async <A>(during: () => Promise<A>): Promise<A> => {
      store.kill("SIGKILL")
      await store.exited
      try {
        return await during()
      } finally {
        store = await start(store.port)
      }
    },
  }
}
