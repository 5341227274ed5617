/**
 * A database with the table for a file of tests: on the server of all files, or with `own` on one that can
 * freeze, die and come back, and whose settings may be changed.
 */
import { execFile } from "node:child_process"
import process from "node:process"
import { promisify } from "node:util"
import { afterAll, beforeAll } from "vitest"
import { temporaryDirectory } from "../../scripts/directory.ts"
import { startPostgres } from "../../scripts/postgres.ts"
import type { Store } from "../../scripts/store.ts"
import { type Database, openDatabase } from "../../shared/database.ts"
import { borrow } from "./borrowed.ts"

interface Opened {
  readonly store: Store
  /** Starts it again on its port. */
  readonly restart: () => Promise<Store>
  readonly close: () => Promise<void>
}

const openOwn = async (): Promise<Opened> => {
  const directory = await temporaryDirectory()
  const start = (port = 0) =>
    startPostgres({
      directory: directory.path,
      settings: { fsync: "off", shared_buffers: "16MB" },
      port,
    })
  let store = await start()
  const env = { ...process.env, DATABASE_URL: store.url }
  await promisify(execFile)(process.execPath, ["scripts/migrate.ts"], { env })
  return {
    store,
    restart: async () => {
      store = await start(store.port)
      return store
    },
    close: async () => {
      await store.stop()
      await directory.remove()
    },
  }
}

const openShared = async (): Promise<Opened> => {
  const { store, giveBack } = await borrow("postgres")
  return { store, restart: async () => store, close: giveBack }
}

export const usePostgres = ({ own = false }: { readonly own?: boolean } = {}) => {
  let opened: Opened
  let store: Store
  let database: Database

  beforeAll(async () => {
    opened = await (own ? openOwn() : openShared())
    store = opened.store
    database = openDatabase(store.url, { name: "test", maxConnections: 2, deadlineMillis: 10_000 })
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
    return [store.pid, ...rows.map(({ pid }) => pid)]
  }

  return {
    url: () => store.url,
    port: () => store.port,
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
      store.kill("SIGKILL")
      await store.exited
      try {
        return await during()
      } finally {
        store = await opened.restart()
      }
    },
  }
}
