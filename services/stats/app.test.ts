import { describe, expect, test } from "vitest"
import { type Dependencies, makeApp } from "./app.ts"
import type { Letters } from "./operations/letters.ts"
import type { Waiting } from "./operations/waiting.ts"
import type { Count, Durability } from "./queue.ts"

const ALERT_DEPTH = 1_000
const ALERT_AGE = 10

const STATS: Count["stats"] = {
  queue_depth: 45,
  writes_queued: 12_450,
  writes_processed: 12_402,
  writes_failed: 3,
  processing_rate: 150.5,
  in_flight: 0,
  writes_coalesced: 40,
  writes_discarded: 0,
  writes_purged: 0,
  redelivered: 7,
  oldest_age_seconds: 1.5,
  workers: 1,
  paused: false,
  held: [],
  dead_letters: 0,
  since: "2026-11-22T10:00:00.000Z",
}
const WINDOWS = { Full: 7, Elapsed: 2, Quiet: 1 }
const COUNT: Count = { stats: STATS, windows: WINDOWS }
const DURABLE: Durability = { mode: "aof-always", canEvict: false }

interface Situation {
  readonly stats?: Partial<Count["stats"]>
  readonly durability?: Partial<Durability>
  readonly hasDatabase?: boolean
  readonly redis?: Partial<Dependencies["redis"]>
  readonly alertDeadLetters?: number
}

const setUp = (situation: Situation = {}, options: Partial<Dependencies> = {}) => {
  const reported: unknown[] = []
  const app = makeApp({
    count: async () => ({
      stats: { ...STATS, ...situation.stats },
      windows: WINDOWS,
    }),
    durability: async () => ({ ...DURABLE, ...situation.durability }),
    isDatabaseUp: async () => situation.hasDatabase ?? true,
    redis: { trouble: null, version: null, ...situation.redis },
    alerts: {
      depth: ALERT_DEPTH,
      ageSeconds: ALERT_AGE,
      deadLetters: situation.alertDeadLetters ?? Number.POSITIVE_INFINITY,
    },
    events: { watch: () => new Response() },
    report: (error) => reported.push(error),
    operations: {
      letters: {} as Letters,
      waiting: {} as Waiting,
      identity: () => Promise.reject(new Error("away")),
      token: "",
      audit: () => {},
    },
    ...options,
  })
  const send = async (path: string, method = "GET") => {
    const response = await app.request(path, { method })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text === "" ? {} : JSON.parse(text),
    }
  }
  return { send, reported }
}

const withoutRedis = () => ({
  count: () => Promise.reject(new Error("canary")),
  durability: async (): Promise<Durability> => ({ mode: "unknown", canEvict: false }),
})

const HEALTHY = {
  status: "healthy",
  queue_depth: 45,
  worker_active: true,
  durability: "aof-always",
  redis: "up",
  postgres: "up",
}

describe("GET /stats", () => {
  test("answers the figures, not to be kept", async () => {
    const { status, headers, body } = await setUp().send("/stats")
    expect(status).toBe(200)
    expect(headers.get("cache-control")).toBe("no-store")
    expect(body).toEqual(STATS)
  })

  test("does not ask the database", async () => {
    const isDatabaseUp = () => new Promise<never>(() => {})
    expect((await setUp({}, { isDatabaseUp }).send("/stats")).status).toBe(200)
  })

  test("is 503 when Redis does not answer", async () => {
    const { send, reported } = setUp({}, withoutRedis())
    const { status, headers, body, text } = await send("/stats")
    expect(status).toBe(503)
    expect(headers.get("retry-after")).toBe("1")
    expect(body).toMatchObject({ success: false, type: "/problems/statistics-unavailable" })
    expect(text).not.toContain("canary")
    expect(reported).toHaveLength(1)
  })
})

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
    const { status, body } = await setUp({ hasDatabase: false }).send("/health")
    expect(status).toBe(503)
    expect(body).toEqual({ ...HEALTHY, status: "unhealthy", postgres: "down" })
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
        isDatabaseUp: () => ask(true),
      },
    )
    expect((await send("/health")).body).toEqual(HEALTHY)
  })
})

describe("another call", () => {
  test.each(["/page", "/stat", "/stats/", "/health/x"])("to %s is 404", async (path) => {
    expect((await setUp().send(path)).status).toBe(404)
  })

  test.each(["POST", "DELETE", "OPTIONS"])("with %s is 405", async (method) => {
    for (const path of ["/stats", "/health"]) {
      const { status, headers } = await setUp().send(path, method)
      expect([status, headers.get("allow")]).toEqual([405, "GET, HEAD"])
    }
  })

  test("with HEAD has no body", async () => {
    const { status, text } = await setUp().send("/stats", "HEAD")
    expect([status, text]).toEqual([200, ""])
  })
})
