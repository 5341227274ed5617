/** Something goes away while a client waits for its commit: it is told what is so, and in time. */
import { afterEach, expect, test } from "vitest"
import { REDIS_KINDS } from "../testing/redis.ts"
import { type Stack, startStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

let stack: Stack
afterEach(() => stack?.stop())

/** How much later than it was asked for an answer may be: ingest's own deadline for Redis, and a busy machine. */
const LATE_MILLIS = 3_000

const post = async (key: string, seconds: number) => {
  const began = performance.now()
  const response = await fetch(`${stack.urls.ingest}/write`, {
    method: "POST",
    headers: { "content-type": "application/json", prefer: `wait=${seconds}` },
    body: JSON.stringify({ key, value: "v" }),
  })
  const { version } = (await response.json()) as { version: number }
  const applied = response.headers.get("preference-applied")
  return { status: response.status, version, applied, millis: performance.now() - began }
}

const inFlight = () =>
  until("a write in flight", async () => (await stack.client.stats()).in_flight > 0)

/** The table is there from then on, and not before: a statement that is under way has to wait. */
const lockedTable = async () => {
  // The first batch asks for the table's highest version, which would wait for the lock as well.
  await post("first", 20)
  return await stack.postgres.lock()
}

test("a worker killed with the write: the one that takes over answers its client", async () => {
  stack = await startStack({ redis: REDIS_KINDS[0] })
  const unlock = await lockedTable()
  const waiting = post("killed", 30)
  await inFlight()
  await stack.workers[0]?.end("SIGKILL")
  await unlock()
  await stack.add("worker")
  const { status, version, millis } = await waiting
  expect(status).toBe(200)
  expect(await stack.client.read("killed")).toMatchObject({ status: 200, version })
  expect(millis).toBeLessThan(20_000)
})

test("PostgreSQL away: 202 after as long as the client wanted to wait, and 200 for one that waits on", async () => {
  stack = await startStack({ redis: REDIS_KINDS[0], own: true })
  await post("first", 20)
  await stack.down("postgres", "SIGKILL")
  const { status, applied, millis } = await post("held", 2)
  expect([status, applied]).toEqual([202, null])
  expect(millis).toBeGreaterThanOrEqual(2_000)
  expect(millis).toBeLessThan(2_000 + LATE_MILLIS)
  const waiting = post("waits", 30)
  await stack.up("postgres")
  expect((await waiting).status).toBe(200)
  expect((await stack.client.read("waits")).status).toBe(200)
})

test.runIf(REDIS_KINDS[0] === "native")(
  "Redis restarted: 200 for what is in the table, and 202 in time while it is away",
  async () => {
    stack = await startStack({ redis: "native", own: true })
    const unlock = await lockedTable()
    const patient = Promise.all(Array.from({ length: 20 }, (_, index) => post(`w:${index}`, 30)))
    const hasty = post("hasty", 1)
    await until("all are queued", async () => (await stack.client.stats()).writes_queued === 22)
    await inFlight()
    await stack.down("redis", "SIGKILL")
    const { status, millis } = await hasty
    expect(status).toBe(202)
    expect(millis).toBeLessThan(1_000 + LATE_MILLIS)
    await stack.up("redis")
    await unlock()
    for (const [index, { status, version }] of (await patient).entries()) {
      expect(status).toBe(200)
      const row = await stack.client.read(`w:${index}`)
      expect(row).toMatchObject({ status: 200, version })
    }
  },
)

test("ingest stopped: who waits is answered 202 at once, and the process ends", async () => {
  stack = await startStack({ redis: REDIS_KINDS[0] })
  const unlock = await lockedTable()
  const waiting = post("stopped", 30)
  await inFlight()
  expect(await stack.ingest.end("SIGTERM")).toEqual({ code: 0, signal: null })
  const { status, millis } = await waiting
  expect(status).toBe(202)
  expect(millis).toBeLessThan(LATE_MILLIS + 2_000)
  await unlock()
  await stack.client.drained()
  expect((await stack.client.read("stopped")).status).toBe(200)
})
