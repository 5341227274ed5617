import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { write } from "../../shared/table/statement.ts"
import { HIDE_TABLE, SHOW_TABLE } from "../../shared/testing/table.ts"
import { itemOf } from "../../shared/testing/write.ts"
import { usePostgres } from "../testing/postgres.ts"
import { until } from "../testing/until.ts"
import { makeApp } from "./app.ts"
import { openReads } from "./database.ts"
import { makeReach } from "./version.ts"

const READ_LIMIT_MILLIS = 3_000
const HEALTH_LIMIT_MILLIS = 2_000
const RECOVERED_LIMIT_MILLIS = 5_000

/** More than the reader has connections. */
const MANY = 30

const postgres = usePostgres({ own: true })
let reads: ReturnType<typeof openReads>
let request: (path: string) => Promise<{
  status: number
  millis: number
  retryAfter: string | null
  body: { type?: string; value?: string; version?: number; reason?: string }
}>

beforeAll(async () => {
  reads = openReads(postgres().url)
  const { reach } = makeReach(reads.read)
  const app = makeApp({ ...reads, reach, report: () => {} })
  request = async (path) => {
    const start = performance.now()
    const response = await app.request(path)
    return {
      status: response.status,
      millis: performance.now() - start,
      retryAfter: response.headers.get("retry-after"),
      body: await response.json(),
    }
  }
  await store("known", "v")
})
afterAll(() => reads?.close())

let version = 0
const store = (key: string, value: string) => {
  version += 1
  return postgres().run((sql) => write(sql, DEFAULT_TABLE, [itemOf(version, key, value)]))
}
const read = (key: string) => request(`/read/${encodeURIComponent(key)}`)

/** Until a read is answered with the row, by the same reader. */
const recovery = async () => {
  const start = performance.now()
  while ((await read("known")).status !== 200) {
    expect(performance.now() - start).toBeLessThan(RECOVERED_LIMIT_MILLIS)
  }
}

const expectUnavailable = (found: Awaited<ReturnType<typeof request>>) => {
  expect(found.status).toBe(503)
  expect(found.body.type).toBe("/problems/database-unavailable")
  expect(found.retryAfter).toBe("1")
  expect(found.millis).toBeLessThan(READ_LIMIT_MILLIS)
}

describe("a read from PostgreSQL", () => {
  test.each([
    "a/b",
    "100%",
    "%2F",
    "a?b#c",
    " ",
    "🗝",
    "é",
    "e\u0301",
    "__proto__",
    "\r\n",
    "k".repeat(1_024),
  ])("finds %j byte for byte", async (key) => {
    const text = `${key} "quoted" \\ {braces} NULL 🙂`
    await store(key, text)
    const { status, body } = await read(key)
    expect(status).toBe(200)
    expect(body).toEqual({
      ...{ success: true, key, value: text, version },
      updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
  })

  test("of a key without a row is 404", async () => {
    expect(await read("unknown")).toMatchObject({
      status: 404,
      body: { type: "/problems/no-such-key" },
    })
  })

  test("of a table that is not there is 503, never 404", async () => {
    await postgres().sql(HIDE_TABLE)
    expectUnavailable(await read("known"))
    expect(await request("/health")).toMatchObject({
      ...{ status: 503, body: { reason: expect.stringMatching(/^The table is missing: .*42P01/) } },
    })
    await postgres().sql(SHOW_TABLE)
    await recovery()
  })

  test("of a table that is locked is 503 in time, and health is answered meanwhile", async () => {
    const unlock = await postgres().lock()
    const waiting = Array.from({ length: MANY }, () => read("known"))
    expect(await request("/health")).toMatchObject({ status: 200 })
    for (const found of await Promise.all(waiting)) expectUnavailable(found)
    await unlock()
    await recovery()
  })

  test("of a frozen server is 503 in time, and goes on by itself", async () => {
    const [health, ...found] = await postgres().frozen(() =>
      Promise.all([request("/health"), ...Array.from({ length: MANY }, () => read("known"))]),
    )
    for (const one of found) expectUnavailable(one)
    expect(health.status).toBe(503)
    expect(health.millis).toBeLessThan(HEALTH_LIMIT_MILLIS)
    await recovery()
    expect((await request("/health")).status).toBe(200)
  })

  test("of a server that is down is 503 in time, and goes on by itself", async () => {
    await postgres().end("SIGKILL")
    for (const one of [await read("known"), await read("known")]) expectUnavailable(one)
    // A session that nobody uses may outlive its server by a moment.
    const down = await until("its health is 503", async () => {
      const health = await request("/health")
      return health.status === 503 && health
    })
    expect(down).toMatchObject({ body: { postgres: "down" } })
    await postgres().start()
    await recovery()
  })
})
