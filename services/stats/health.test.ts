import { describe, expect, test } from "vitest"
import type { ShardStats, Stats } from "../../shared/contract.ts"
import { type Away, ListsAway } from "./lists.ts"
import {
  ALERT_AGE,
  ALERT_DEPTH,
  COUNT,
  DURABLE,
  HEALTHY,
  MAX_DEPTH,
  setUp,
  withoutRedis,
} from "./testing/app.ts"

describe("GET /health", () => {
  test("is healthy when all was found well", async () => {
    const { status, headers, body } = await setUp().send("/health")
    expect(status).toBe(200)
    expect(headers.get("cache-control")).toBe("no-store")
    expect(body).toEqual(HEALTHY)
  })

  test("is healthy at the depth that alerts, and degraded above it", async () => {
    const at = await setUp({ stats: { queue_depth: ALERT_DEPTH } }).send("/health")
    expect(at.body).toEqual({ ...HEALTHY, queue_depth: ALERT_DEPTH })
    const above = await setUp({ stats: { queue_depth: ALERT_DEPTH + 1 } }).send("/health")
    expect(above.status).toBe(200)
    expect(above.body).toEqual({
      ...{ ...HEALTHY, status: "degraded", queue_depth: ALERT_DEPTH + 1 },
      warnings: ["1,001 writes wait: more than 1,000."],
    })
  })

  test("is healthy at the age that alerts, and degraded above it", async () => {
    const at = await setUp({ stats: { oldest_age_seconds: ALERT_AGE } }).send("/health")
    expect(at.body).toEqual(HEALTHY)
    const above = await setUp({ stats: { oldest_age_seconds: 61.7 } }).send("/health")
    expect(above.status).toBe(200)
    expect(above.body).toEqual({
      ...{ ...HEALTHY, status: "degraded" },
      warnings: ["The oldest write has waited 61.7 s: longer than 10 s."],
    })
  })

  test("warns of dead letters, and is degraded by more than were configured", async () => {
    const stats = { dead_letters: 3 }
    const noted = { ...HEALTHY, warnings: ["3 dead letters stand."] }
    expect((await setUp({ stats }).send("/health")).body).toEqual(noted)
    expect((await setUp({ stats, alertDeadLetters: 3 }).send("/health")).body).toEqual(noted)
    expect((await setUp({ stats, alertDeadLetters: 2 }).send("/health")).body).toEqual({
      ...{ ...HEALTHY, status: "degraded" },
      warnings: ["3 dead letters stand: more than 2."],
    })
  })

  test("is degraded while an operator pauses, which is not the database's hold", async () => {
    const { body } = await setUp({ stats: { paused: true } }).send("/health")
    expect(body).toEqual({ ...HEALTHY, status: "degraded", paused: true })
  })

  test("is degraded when no worker lives", async () => {
    const { status, body } = await setUp({ stats: { workers: 0 } }).send("/health")
    expect(status).toBe(200)
    expect(body).toEqual({ ...HEALTHY, status: "degraded", worker_active: false })
  })

  test("is degraded when writes are held, and says why", async () => {
    const { status, body } = await setUp({ stats: { held: ["SQLSTATE 42P01"] } }).send("/health")
    expect(status).toBe(200)
    expect(body).toEqual({ ...HEALTHY, status: "degraded", held: ["SQLSTATE 42P01"] })
  })

  test("is degraded when writes are set aside, and says for what, also when they are held", async () => {
    const parked = { "events.note": 3, key_values: 2 }
    const held = ["key_values: The table is missing (SQLSTATE 42P01)"]
    const { status, body } = await setUp({ stats: { parked } }).send("/health")
    expect(status).toBe(200)
    const column = "3 writes of events wait for a worker that knows the column note."
    const table = "2 writes of key_values wait for a worker that knows the table key_values."
    expect(body).toEqual({ ...HEALTHY, status: "degraded", warnings: [column, table] })
    const both = await setUp({ stats: { parked, held } }).send("/health")
    const isHeld = "2 writes of key_values are set aside until the table can be written."
    expect(both.body).toEqual({ ...HEALTHY, status: "degraded", held, warnings: [column, isHeld] })
  })

  test.each(["aof-everysec", "aof-no", "snapshots", "memory", "unknown"] as const)(
    "is degraded when Redis may lose writes: %s",
    async (mode) => {
      const { status, body } = await setUp({ durability: { mode } }).send("/health")
      expect(status).toBe(200)
      expect(body).toEqual({
        ...HEALTHY,
        status: "degraded",
        durability: mode,
        warnings: [expect.stringMatching(/^Redis /)],
      })
    },
  )

  test("is degraded when Redis may evict writes, also when it loses none otherwise", async () => {
    const { body } = await setUp({ durability: { canEvict: true } }).send("/health")
    expect(body).toMatchObject({
      status: "degraded",
      warnings: [expect.stringContaining("noeviction")],
    })
    const both = await setUp({ durability: { mode: "memory", canEvict: true } }).send("/health")
    expect(both.body.warnings).toHaveLength(2)
  })

  test("is unhealthy without PostgreSQL, with the figures of the queue", async () => {
    const { status, body } = await setUp({ databaseTrouble: "Why (28P01)" }).send("/health")
    expect(status).toBe(503)
    expect(body).toEqual({
      ...{ ...HEALTHY, status: "unhealthy", postgres: "down" },
      warnings: ["Why (28P01)."],
    })
  })

  test("is degraded when the queue is full, however high the alert is", async () => {
    const full = "The queue is full: writes are refused with 503."
    const at = await setUp({ stats: { queue_depth: MAX_DEPTH } }).send("/health")
    expect(at.status).toBe(200)
    expect(at.body).toMatchObject({
      ...{ status: "degraded", warnings: [full, "2,000 writes wait: more than 1,000."] },
    })
    const alerts = { depth: 9_000, maxDepth: 2_000, ageSeconds: 10, deadLetters: 0 }
    const high = await setUp({ stats: { queue_depth: MAX_DEPTH } }, { alerts }).send("/health")
    expect(high.body).toMatchObject({ status: "degraded", warnings: [full] })
  })

  test("is degraded when Redis may not be asked what it is", async () => {
    const { body } = await setUp({ redis: { canAsk: false } }).send("/health")
    expect(body).toEqual({
      ...{ ...HEALTHY, status: "degraded" },
      warnings: [expect.stringContaining("INFO is not permitted")],
    })
  })

  test("is unhealthy without Redis, and does not say what it does not know", async () => {
    const { status, body } = await setUp({}, withoutRedis()).send("/health")
    expect(status).toBe(503)
    expect(body).toEqual({
      ...{ status: "unhealthy", queue_depth: null, worker_active: null },
      ...{ durability: "unknown", redis: "down", postgres: "up" },
    })
  })

  test("says which Redis it is, and why there is none", async () => {
    const { body } = await setUp({ redis: { version: "7.2.4" } }).send("/health")
    expect(body.redis_version).toBe("7.2.4")
    const trouble = "Redis is 6.2.6, and 7 or newer is needed"
    const away = { count: () => Promise.reject(new Error("away")) }
    const refused = await setUp({ redis: { trouble } }, away).send("/health")
    expect(refused.body).toMatchObject({ redis: "down", warnings: [`REDIS_URL: ${trouble}.`] })
  })

  test("says that Redis answers and refuses, without what it quotes", async () => {
    const refusal = Object.assign(new Error("NOPERM canary"), { name: "ReplyError" })
    const { status, body, text } = await setUp({}, { count: () => Promise.reject(refusal) }).send(
      "/health",
    )
    expect([status, body.redis]).toEqual([503, "down"])
    expect(body.warnings).toEqual(["Redis answers, and refuses: NOPERM."])
    expect(text).not.toContain("canary")
  })

  test("asks all three at once", async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let asked = 0
    const ask = async <A>(found: A): Promise<A> => {
      asked += 1
      if (asked === 3) resolve()
      await promise
      return found
    }
    const { send } = setUp(
      {},
      {
        count: () => ask({ ...COUNT }),
        durability: () => ask(DURABLE),
        databaseTrouble: () => ask(null),
      },
    )
    expect((await send("/health")).body).toEqual(HEALTHY)
  })

  describe("of several shards", () => {
    const shard = (name: string, more: Partial<ShardStats> = {}): ShardStats => ({
      ...{ shard: name, current: true, queue_depth: 0, in_flight: 0, oldest_age_seconds: 0 },
      ...{ workers: 1, processing_rate: 0, ...more },
    })
    const warningsOf = async (stats: Partial<Stats>) => {
      const { status, body } = await setUp({ stats }).send("/health")
      return [status, body.status, body.warnings]
    }

    test("says of which the oldest write is", async () => {
      const shards = [shard("0"), shard("1", { oldest_age_seconds: 12 }), shard("2")]
      expect(await warningsOf({ oldest_age_seconds: 12, shards })).toEqual([
        ...[200, "degraded", ["The oldest write of shard 1 has waited 12 s: longer than 10 s."]],
      ])
    })

    test("says which no worker serves, when something waits there", async () => {
      const idle = shard("0", { workers: 0 })
      expect(await warningsOf({ shards: [idle, shard("1")] })).toEqual([200, "healthy", undefined])
      const unserved = shard("1", { workers: 0, queue_depth: 3 })
      expect(await warningsOf({ shards: [idle, unserved] })).toEqual([
        ...[200, "degraded", ["No worker serves shard 1: 3 writes wait there."]],
      ])
    })

    test("says which are full: each takes its share of the most that may wait", async () => {
      const full = shard("1", { queue_depth: MAX_DEPTH / 2 })
      const pushed = shard("write_queue", { current: false, queue_depth: MAX_DEPTH })
      expect(await warningsOf({ shards: [pushed, shard("0"), full] })).toEqual([
        ...[200, "degraded", ["Full: shard 1. Writes of their keys are refused with 503."]],
      ])
    })

    const without = (away: ReadonlyArray<Away>, answered: ReadonlyArray<ShardStats>) =>
      setUp({}, { count: () => Promise.reject(new ListsAway(away, answered)) })
    const away = { shard: "3", isCurrent: true, reason: "Shard 3 of 6: no reply" }

    test("says which does not answer: its writes are refused, others go on", async () => {
      const { status, body } = await without([away], [shard("0")]).send("/health")
      expect(status).toBe(200)
      expect(body).toEqual({
        ...{ ...HEALTHY, status: "degraded", queue_depth: null, worker_active: null },
        warnings: ["Shard 3 of 6: no reply.", "Writes of their keys are refused; others go on."],
      })
      const stats = await without([away], [shard("0")]).send("/stats")
      expect(stats).toMatchObject({
        status: 503,
        body: { type: "/problems/statistics-unavailable" },
      })
    })

    test("names so many that do not answer", async () => {
      const { body } = await without(Array(30).fill(away), [shard("0")]).send("/health")
      expect(body.warnings).toHaveLength(12)
      expect(body.warnings[10]).toBe("20 more do not answer.")
    })
  })
})
