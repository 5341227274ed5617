import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { afterAll, expect, onTestFinished, test, vi } from "vitest"
import { openDatabase } from "../../shared/postgres/postgres.ts"
import { temporaryDirectory } from "./directory.ts"
import { startPostgres } from "./postgres.ts"
import type { Store } from "./store.ts"

const directory = await temporaryDirectory()
const started: Store[] = []
const lines: string[] = []
const start = async (port = 0, settings = {}): Promise<Store> => {
  const store = await startPostgres({
    directory: directory.path,
    port,
    settings,
    onLine: (line) => lines.push(line),
  })
  started.push(store)
  return store
}

afterAll(async () => {
  await Promise.all(started.map((store) => store.stop()))
  await directory.remove()
})

const ask = async (store: Store, query: string): Promise<string> => {
  const database = openDatabase(store.url, {
    name: "test",
    maxConnections: 1,
    deadlineMillis: 5_000,
  })
  try {
    const rows = await database.run((sql) => sql.unsafe(query).values())
    return rows.map((row) => row.join(" ")).join("\n")
  } finally {
    await database.close()
  }
}

test("a PostgreSQL keeps its data over a stop and over kill -9, on the same port", async () => {
  const first = await start()
  await ask(first, "create table kept (id int)")
  first.kill("SIGKILL")
  expect(await first.exited).toEqual({ code: null, signal: "SIGKILL" })

  const second = await start(first.port)
  expect(second.url).toBe(first.url)
  await ask(second, "insert into kept values (1), (2)")
  await second.stop()
  expect(await second.exited).toEqual({ code: 0, signal: null })

  const third = await start(first.port)
  expect(await ask(third, "select count(*) from kept")).toBe("2")
  await third.stop()
})

test("it has the settings that users and tests count on", async () => {
  const store = await start(0, { max_connections: "17" })
  const names = ["fsync", "listen_addresses", "max_connections", "password_encryption"]
  const all = [...names, "server_encoding", "unix_socket_directories"]
  const query = all.map((name) => `select current_setting('${name}')`).join(" union all ")
  expect((await ask(store, query)).split("\n")).toEqual([
    "on",
    "127.0.0.1",
    "17",
    "scram-sha-256",
    "UTF8",
    "",
  ])
  expect(await ask(store, "select datlocprovider, datlocale from pg_database limit 1")).toBe(
    "b C.UTF-8",
  )
  const wrong = { ...store, url: store.url.replace(":postgres@", ":wrong@") }
  lines.length = 0
  await expect(ask(store, "select 1/0")).rejects.toMatchObject({ code: "22012" })
  await expect(ask(wrong, "select 1")).rejects.toMatchObject({ code: "28P01" })
  await vi.waitFor(() => expect(lines.join("\n")).toContain("password authentication failed"))
  // What is wrong with a statement is told to the client that sent it, and not logged.
  expect(lines.join("\n")).not.toContain("division by zero")
  await store.stop()
})

test("a server left over from an earlier start is stopped by the next", async () => {
  const leftover = await start()
  const next = await start()
  expect((await leftover.exited).code).toBe(0)
  expect(await ask(next, "select 1")).toBe("1")
  await next.stop()
})

test.runIf(process.getuid?.() === 0)(
  "data that had to leave a folder of root's own go with the folder",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "private-"))
    vi.stubEnv("TMPDIR", folder)
    onTestFinished(async () => {
      vi.unstubAllEnvs()
      await rm(folder, { recursive: true })
    })
    const own = await temporaryDirectory()
    const store = await startPostgres({
      directory: join(own.path, "postgres"),
      settings: { fsync: "off" },
    })
    const place = /\/var\/lib\/write-buffer\/\S+/.exec(store.description)?.[0] ?? ""
    expect(await readdir(place)).toContain("data")
    await store.stop()
    await own.remove()
    await expect(readdir(place)).rejects.toMatchObject({ code: "ENOENT" })
  },
)

test("a port in use is told with the server's own words", async () => {
  const other = await temporaryDirectory()
  onTestFinished(other.remove)
  const store = await start()
  const second = startPostgres({
    directory: other.path,
    port: store.port,
    settings: { fsync: "off" },
  })
  await expect(second).rejects.toThrow(/stopped while it started:[\s\S]*Address already in use/)
  await store.stop()
})
