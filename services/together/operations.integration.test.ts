/**
 * The operators' calls against a whole stack: what they show, what they do to the queue, that the counters
 * add up after each, and that nobody without the token may do any of it.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { CONTRACT } from "../../shared/contract.ts"
import { TABLE } from "../../shared/testing/table.ts"
import { holdToContract } from "../testing/contract.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { type Stack, startStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

const ADMIN_TOKEN = "0123456789abcdef0123456789abcdef"

let stack: Stack

beforeAll(async () => {
  stack = await startStack({ redis: REDIS_KINDS[0], env: { ADMIN_TOKEN, QUEUE_ALERT_AGE: "0.3" } })
  holdToContract(stack.urls)
  await stack.postgres.sql(
    `alter table ${TABLE} add constraint no_poison check (value <> 'poison')`,
  )
})
afterAll(() => stack?.stop())

const call = async (method: string, path: string, body?: unknown, token = ADMIN_TOKEN) => {
  const response = await fetch(stack.urls.stats + path, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      "content-type": "application/json",
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: whatever the service answers is what is looked at.
  const answer = (await response.json()) as any
  return { code: response.status, headers: response.headers, ...answer }
}

/** Asserts the first invariant, and returns the figures. */
const balanced = async () => {
  const stats = await stack.client.stats()
  expect(stats.queue_depth + stats.in_flight + stats.writes_processed + stats.writes_failed).toBe(
    stats.writes_queued,
  )
  return stats
}

const bury = async (...keys: string[]) => {
  for (const key of keys) expect((await stack.client.post(key, "poison")).status).toBe(202)
  await stack.client.drained()
}

const pause = async () => {
  expect(await call("POST", "/worker/pause")).toMatchObject({ code: 200, paused: true })
}
const resume = () => call("POST", "/worker/resume")

describe("without the token", () => {
  const guarded = Object.entries(CONTRACT.stats).filter(([, call]) => "token" in call)

  test.each(guarded.map(([route]) => route.split(" ") as [string, string]))(
    "%s %s is refused",
    async (method, path) => {
      const body = method === "GET" ? undefined : { all: true }
      for (const token of ["", "wrong", `${ADMIN_TOKEN}x`, ADMIN_TOKEN.slice(1)]) {
        const answer = await call(method, path, body, token)
        expect(answer).toMatchObject({ code: 401, success: false })
        expect(answer.headers.get("www-authenticate")).toContain("Bearer")
      }
      expect((await call(method, `${path}?token=${ADMIN_TOKEN}`, body, "")).code).toBe(401)
    },
  )
})

describe("dead letters", () => {
  beforeEach(async () => {
    await call("DELETE", "/dead", { all: true })
  })

  test("are listed oldest first, page by page", async () => {
    await bury("d1", "d2", "d3")
    const first = await call("GET", "/dead?limit=2")
    expect(first).toMatchObject({ code: 200, total: 3, next: 2 })
    expect(first.dead).toMatchObject([
      {
        ...{ key: "d1", value: "poison", sqlstate: "23514" },
        reason: `violates check constraint "no_poison" of ${TABLE} (SQLSTATE 23514)`,
      },
      { key: "d2" },
    ])
    const last = await call("GET", "/dead?limit=2&after=2")
    expect(last).toMatchObject({ next: null, dead: [{ key: "d3" }] })
    await balanced()
  })

  test("are replayed with their version, and never over something newer", async () => {
    await bury("again", "older")
    const newer = await stack.client.write("older", "newer than the dead letter")
    await stack.postgres.sql(`alter table ${TABLE} drop constraint no_poison`)
    const { dead } = await call("GET", "/dead")
    const versions = dead.map(({ version }: { version: number }) => version)
    expect(await call("POST", "/dead/replay", { versions })).toMatchObject({ replayed: 2 })
    await stack.client.drained()
    expect(await stack.client.read("again")).toMatchObject({
      value: "poison",
      version: versions[0],
    })
    expect(await stack.client.read("older")).toMatchObject({ version: newer })
    expect((await balanced()).dead_letters).toBe(0)
    await stack.postgres.sql(`delete from ${TABLE} where value = 'poison'`)
    await stack.postgres.sql(
      `alter table ${TABLE} add constraint no_poison check (value <> 'poison')`,
    )
  })

  test("that are replayed too early die again, once each", async () => {
    const keys = Array.from({ length: 120 }, (_, index) => `many:${index}`)
    await bury(...keys)
    expect(await call("POST", "/dead/replay", { all: true })).toMatchObject({ replayed: 120 })
    const stats = await stack.client.drained()
    expect(stats.dead_letters).toBe(120)
    await balanced()
  })

  test("are discarded, all or some, and stay counted as failed", async () => {
    await bury("x1", "x2", "x3")
    const before = await balanced()
    const { dead } = await call("GET", "/dead")
    const selection = { versions: [dead[1].version, 17] }
    expect(await call("DELETE", "/dead", selection)).toMatchObject({ discarded: 1 })
    expect((await call("GET", "/dead")).dead).toMatchObject([{ key: "x1" }, { key: "x3" }])
    expect(await call("DELETE", "/dead", { all: true })).toMatchObject({ discarded: 2 })
    const after = await balanced()
    expect(after.writes_failed).toBe(before.writes_failed)
    expect(after.writes_discarded).toBe(before.writes_discarded + 3)
  })

  test("are taken by their reason, as they were looked at", async () => {
    await bury("r1", "r2")
    const { reasons, newest: until } = await call("GET", "/dead/reasons")
    expect(reasons).toEqual([{ reason: expect.stringContaining("23514"), writes: 2 }])
    await bury("r3")
    const { reason } = reasons[0]
    const selection = { all: true, reason, until }
    expect(await call("DELETE", "/dead", selection)).toMatchObject({ discarded: 2, next: null })
    expect(await call("DELETE", "/dead", selection)).toMatchObject({
      ...{ code: 409, type: "/problems/dead-letters-changed" },
    })
    const query = new URLSearchParams({ reason, key: "r" })
    expect((await call("GET", `/dead?${query}`)).dead).toMatchObject([{ key: "r3" }])
  })

  test.each([
    ...[{}, { versions: [] }, { versions: ["1"] }, { all: false }, [], null],
    // Misspelt, it would be all of them.
    { all: true, reson: "SQLSTATE 23514" },
  ])("are not replayed for %j", async (body) => {
    expect((await call("POST", "/dead/replay", body)).code).toBe(422)
  })
})

describe("the queue", () => {
  test("is shown, paused, resumed and purged, and the counters add up", async () => {
    await pause()
    // A window that was open when the mark was set may still close, and its claim comes back empty.
    await stack.oracle.once("paused", 30)
    const health = await stack.client.health()
    expect(health).toMatchObject({ status: "degraded", paused: true })
    expect(health.held).toBeUndefined()
    expect(await stack.client.stats()).toMatchObject({ paused: true, held: [] })
    // However the writes came to wait: behind a pause, a lock, a standby that is gone.
    const late = await until("it is late", async () => {
      const { warnings = [], status } = await call("GET", "/health")
      return warnings.length > 0 && { warnings, status }
    })
    expect(late).toMatchObject({
      status: "degraded",
      warnings: [expect.stringMatching(/^The oldest write has waited .* longer than 0\.3 s\.$/)],
    })
    const { queue } = await call("GET", "/queue?limit=5")
    expect(queue).toHaveLength(5)
    expect(queue[0].key).toMatch(/paused/)
    expect((await balanced()).queue_depth).toBe(30)

    expect(await call("DELETE", "/queue", { confirm: "5" })).toMatchObject({
      code: 409,
      type: "/problems/depth-changed",
    })
    // Neither what somebody pushed nor the mark of a worker that went silent is left behind.
    await stack.redis.connection.rpush(
      stack.keys.waiting,
      '{"version":0,"key":"foreign","value":"x"}',
    )
    await stack.redis.connection.hset(stack.keys.lostLeases, String(queue[0].version), 1)
    expect(await call("DELETE", "/queue", { confirm: "1" })).toMatchObject({ code: 409 })
    expect(await call("DELETE", "/queue", { confirm: "22" })).toMatchObject({ purged: 22 })
    expect(await call("DELETE", "/queue", { confirm: "9" })).toMatchObject({ purged: 9 })
    expect(await balanced()).toMatchObject({ queue_depth: 0, writes_purged: 31 })
    expect(await stack.redis.connection.hlen(stack.keys.lostLeases)).toBe(0)

    const version = await stack.client.write("resumed", "value")
    expect((await balanced()).queue_depth).toBe(1)
    await resume()
    await stack.client.visible("resumed", version)
    await balanced()
  })
})
