import { readdir } from "node:fs/promises"
import { dirname } from "node:path"
import process from "node:process"
import { Redis } from "ioredis"
import { expect, onTestFinished, test } from "vitest"
import { temporaryDirectory } from "../../scripts/servers/directory.ts"
import { launch } from "../../scripts/servers/process.ts"
import { TABLE } from "../../shared/testing/table.ts"
import { openPostgres } from "./postgres.ts"
import { borrow } from "./store.ts"

const LIMIT_MILLIS = 30_000

const database = async () => {
  const opened = await openPostgres()
  onTestFinished(opened.close)
  return opened
}

test("two borrowers of PostgreSQL have a table each", async () => {
  const [one, other] = await Promise.all([database(), database()])
  await one.sql(`insert into ${TABLE} (key, value, version) values ('a', 'b', 1)`)
  expect(await one.sql(`select key from ${TABLE}`)).toHaveLength(1)
  expect(await other.sql(`select key from ${TABLE}`)).toHaveLength(0)
})

test("two borrowers of a Redis do not see each other, and leave nothing", async () => {
  const [one, other] = await Promise.all([borrow("wasm"), borrow("wasm")])
  const [redis, others] = [new Redis(one.url), new Redis(other.url)]
  await redis.set("a", "b")
  expect(await others.dbsize()).toBe(0)
  await Promise.all([one.close(), other.close()])
  expect(await redis.dbsize()).toBe(0)
  for (const client of [redis, others]) client.disconnect()
})

test("what is borrowed can be neither killed nor stopped", async () => {
  const { kill, end, pid, start, close } = await borrow("wasm")
  onTestFinished(close)
  expect(() => kill("SIGKILL")).toThrow("own: true")
  expect(() => end("SIGTERM")).toThrow("own: true")
  expect(() => pid()).toThrow("own: true")
  expect(() => start()).toThrow("own: true")
})

test("a lender that is told to stop leaves neither a server nor a file", async () => {
  const { path } = await temporaryDirectory()
  const lines: string[] = []
  const lender = await launch(process.execPath, ["services/testing/servers.ts", path], {
    name: "servers",
    onLine: (line) => lines.push(line),
  })
  onTestFinished(() => lender.stop(LIMIT_MILLIS))
  await lender.printed(/^lending/, LIMIT_MILLIS)
  const url = lines.at(-1)?.replace("lending at ", "")
  const response = await fetch(`${url}/wasm`, { method: "POST" })
  const redis = new Redis(await response.text(), { retryStrategy: () => null })
  redis.on("error", () => {})
  expect(await redis.ping()).toBe("PONG")
  lender.kill("SIGTERM")
  expect(await lender.exited).toEqual({ code: 0, signal: null })
  await expect(redis.ping()).rejects.toThrow()
  expect((await readdir(dirname(path))).filter((name) => path.endsWith(name))).toEqual([])
})
