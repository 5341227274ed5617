/** The client that we give to others, through a whole stack whose replies are lost on their way. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Client, makeClient } from "../../shared/client.ts"
import { startProxy, type TestProxy } from "../testing/proxy.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { useStack } from "../testing/stack.ts"

const stack = useStack({ redis: REDIS_KINDS[0], env: { IDEMPOTENCY_SECONDS: "600" } })
let proxy: TestProxy
let client: Client
beforeAll(async () => {
  proxy = await startProxy(stack().ingest.port)
  client = makeClient({ ...stack().urls, ingest: `http://127.0.0.1:${proxy.port}` })
})
afterAll(() => proxy?.stop())

const AT = "2026-11-25T10:00:00.000Z"
const event = (type: string, n = 0) => ({ type, payload: { n }, at: AT })

const countEvents = async (type: string) => {
  const sql = `select count(*)::int from events where type = '${type}'`
  return (await stack().postgres.sql<{ count: number }>(sql))[0]?.count
}

const queued = async () => (await stack().client.stats()).writes_queued

/** What becomes of the first tries of the next call: the reply is cut off, or the request. */
const spoil = async (fates: ReadonlyArray<"lose" | "cut">) => {
  for (const fate of fates) {
    await proxy.trap(/idempotency-key/i, fate)
    proxy.cut()
  }
}

const FATES = ["lose", "cut", "lose"] as const

describe("with replies that are cut off", () => {
  test.each([
    ["at once", {}, false],
    ["with a wait for the commit", { wait: 20 }, true],
  ])("an appended row is there once, written %s", async (name, options, committed) => {
    for (let round = 0; round < 5; round++) {
      const type = `${name} ${round}`
      const before = await queued()
      const spoiled = spoil(FATES)
      const written = await client.write("events", event(type), options)
      await spoiled
      expect(written.committed).toBe(committed)
      const row = await client.waitFor("events", written.version, written.version, 20)
      expect(row).toEqual({ ...event(type), version: written.version })
      expect([await countEvents(type), await queued()]).toEqual([1, before + 1])
    }
  })

  test("many rows are there once each, by the versions that the answer has", async () => {
    const rows = Array.from({ length: 2_500 }, (_, n) => event("many", n))
    const before = await queued()
    const spoiled = spoil(FATES)
    const { versions, committed } = await client.writeMany("events", rows, { wait: 30 })
    await spoiled
    expect([committed, new Set(versions).size]).toEqual([true, rows.length])
    expect([await countEvents("many"), await queued()]).toEqual([2_500, before + 2_500])
    const some = [2_499, 0, 1_234]
    const found = await client.readMany("events", [...some.map((n) => versions[n] ?? 0), 1])
    expect(found.map((row) => row?.payload)).toEqual([...some.map((n) => ({ n })), undefined])
  })

  test("a deletion is accepted once, and seen by who waits for it", async () => {
    await client.write("key_values", { key: "a/b", value: "v" }, { wait: 20 })
    const before = await queued()
    const spoiled = spoil(["lose", "lose"])
    const { version } = await client.delete("key_values", "a/b")
    await spoiled
    expect(await client.waitFor("key_values", "a/b", version, 20)).toBeNull()
    expect(await queued()).toBe(before + 1)
  })

  test("many calls at once, cut again and again, are each accepted once", async () => {
    const before = await queued()
    // So that a reply is on its way whenever connections are cut.
    proxy.delay(40)
    const cutting = setInterval(proxy.cut, 150)
    // Before the last try of any call, however busy the machine is.
    setTimeout(() => clearInterval(cutting), 1_200)
    const calls = Array.from({ length: 60 }, async (_, n) => {
      await new Promise((resume) => setTimeout(resume, n * 10))
      return client.write("events", event("storm", n))
    })
    const written = await Promise.all(calls)
    proxy.delay(0)
    for (const { version } of written) await client.waitFor("events", version, version, 20)
    expect([await countEvents("storm"), await queued()]).toEqual([60, before + 60])
  })
})

test("ingest that does not know whether it queued is asked until it does", async () => {
  const { ingest } = stack()
  const lost = ingest.redis.loseReplies()
  const writing = client.write("events", event("unknown"), { wait: 20 })
  await lost
  ingest.redis.heal()
  expect(await writing).toMatchObject({ committed: true })
  expect(await countEvents("unknown")).toBe(1)
})

test("what is refused is said at once, with what is wrong", async () => {
  const before = proxy.accepted()
  const refused = client.write("events", { ...event("x"), at: "noon" })
  await expect(refused).rejects.toMatchObject({
    ...{ status: 422, type: "/problems/invalid-write" },
    errors: [{ pointer: "/at", detail: expect.stringContaining("moment") }],
  })
  const again = (n: number) => client.write("events", event("y", n), { idempotencyKey: "mine" })
  await again(1)
  const conflict = { status: 422, type: "/problems/idempotency-conflict", idempotencyKey: "mine" }
  await expect(again(2)).rejects.toMatchObject(conflict)
  expect(proxy.accepted() - before).toBeLessThanOrEqual(3)
})

test("what a reader has not yet is null, an error, or waited for", async () => {
  const behind = { status: 412, type: "/problems/version-not-reached" }
  const { version } = await client.write("key_values", { key: "k", value: "1" })
  await expect(client.read("key_values", "k", { minVersion: version * 2 })).rejects.toMatchObject(
    behind,
  )
  await expect(client.waitFor("key_values", "k", version * 2, 1)).rejects.toMatchObject(behind)
  expect(await client.read("key_values", "k", { minVersion: version, wait: 20 })).toMatchObject({
    ...{ key: "k", value: "1", version, updated_at: expect.any(String) },
  })
  expect(await client.read("key_values", "nobody")).toBeNull()
  expect(await client.readMany("key_values", ["nobody", "k"])).toMatchObject([null, { version }])
})
