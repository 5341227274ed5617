import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { encodeWrite } from "../../shared/item.ts"
import { queueKeys } from "../../shared/queue/keys.ts"
import { openQueue, type Queue } from "../../shared/queue/queue.ts"
import { type Connection, openRedis, untilReady } from "../../shared/redis/redis.ts"
import { keyValue } from "../../shared/testing/write.ts"
import { usePostgres } from "../testing/postgres.ts"
import { startProxy } from "../testing/proxy.ts"
import { REDIS_KINDS, useRedis } from "../testing/redis.ts"
import { makeApp } from "./app.ts"
import { openProbe } from "./database.ts"
import { makeLetters } from "./operations/letters.ts"
import { makeWaiting } from "./operations/waiting.ts"
import { makeCount } from "./queue.ts"
import { oneList } from "./testing/lists.ts"
import { makeWorkers } from "./workers.ts"

const KEYS = queueKeys("write_queue")
const ALERTS = { depth: 3, maxDepth: 9, ageSeconds: 60, deadLetters: Number.POSITIVE_INFINITY }
const LIMIT_MILLIS = 2_000
const RECOVERED_LIMIT_MILLIS = 5_000

const postgres = usePostgres({ own: true })

describe.each(REDIS_KINDS)("stats on a %s Redis", (kind) => {
  const server = useRedis(kind, { own: true })
  let redis: Connection
  let queue: Queue
  const closing: Array<() => unknown> = []

  beforeAll(() => {
    redis = server().connection
    queue = openQueue(redis, KEYS.waiting)
  })
  beforeEach(() => redis.flushall())
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  /** Stats as `main.ts` wires it, without the process. */
  const open = async (redisUrl = server().url, databaseUrl = postgres().url) => {
    const connection = openRedis(redisUrl, { name: "stats" })
    await untilReady(connection)
    const probe = openProbe(databaseUrl, () => {})
    closing.push(() => connection.disconnect(), probe.close)
    const opened = openQueue(connection, KEYS.waiting)
    const app = makeApp({
      ...makeCount(oneList(connection, opened)),
      databaseTrouble: probe.databaseTrouble,
      redis: connection.link,
      alerts: ALERTS,
      events: { watch: () => new Response() },
      report: () => {},
      operations: {
        letters: makeLetters(async () => [opened], 65_536),
        waiting: makeWaiting(async () => [opened], 65_536),
        reshard: () => Promise.reject(new Error("away")),
        identity: probe.identity,
        token: { name: "ADMIN_TOKEN", first: "" },
        audit: () => {},
      },
    })
    return async (path: string) => {
      const start = performance.now()
      const response = await app.request(path)
      const body = await response.json()
      const millis = performance.now() - start
      expect(millis).toBeLessThan(LIMIT_MILLIS)
      return { status: response.status, body }
    }
  }
  const enqueue = (...keys: ReadonlyArray<string>) => {
    const writes = keys.map((key) => encodeWrite(keyValue(key)))
    return queue.enqueue({ most: 1_000, isFirst: false, writes })
  }
  const claim = async (most: number) => {
    const database = "1/db/public"
    await queue.seed({ highest: 0, database })
    return await queue.claim({ id: "b", most, mostBytes: 1_000_000, lease: 10_000, database })
  }
  const acknowledge = (...letters: ReadonlyArray<string>) =>
    queue.acknowledge({ id: "b", closing: "Quiet", coalesced: 1, letters })
  /** One live worker, which holds for the reason given. */
  const heartbeat = (hold = "") =>
    queue.heartbeat({ worker: "worker", lease: 60_000, hold, most: 10, ids: [] })

  test("the figures follow writes on their way", async () => {
    const send = await open()
    expect((await send("/stats")).body).toMatchObject({
      ...{ queue_depth: 0, writes_queued: 0, oldest_age_seconds: 0, since: null },
    })
    await enqueue("a", "a", "b", "c")
    await claim(3)
    const { body } = await send("/stats")
    expect(body).toMatchObject({ queue_depth: 1, in_flight: 3, writes_queued: 4 })
    expect(body).toMatchObject({ writes_processed: 0, writes_failed: 0, processing_rate: 0 })
    expect(body.oldest_age_seconds).toBeGreaterThan(0)
    expect(Date.parse(body.since)).toBeGreaterThan(Date.now() - 60_000)
    await acknowledge('{"reason":"bad"}')
    expect((await send("/stats")).body).toMatchObject({
      ...{ queue_depth: 1, in_flight: 0, writes_queued: 4, writes_processed: 2, writes_failed: 1 },
      ...{ writes_coalesced: 1, dead_letters: 1, processing_rate: 0.3, redelivered: 0 },
    })
  })

  test("health says how durable Redis is, and is healthy only when it loses nothing", async () => {
    await heartbeat()
    const { status, body } = await (await open())("/health")
    const durability = kind === "native" ? "aof-always" : "memory"
    expect(status).toBe(200)
    expect(body).toMatchObject({ durability, worker_active: true, redis: "up", postgres: "up" })
    expect(body.status).toBe(kind === "native" ? "healthy" : "degraded")
    expect(body.warnings).toEqual(
      kind === "native" ? undefined : [expect.stringContaining("nothing on disk")],
    )
  })

  test("health warns when Redis may evict writes", async () => {
    await heartbeat()
    await redis.config("SET", "maxmemory", "100mb")
    await redis.config("SET", "maxmemory-policy", "allkeys-lru")
    const { body } = await (await open())("/health")
    await redis.config("SET", "maxmemory-policy", "noeviction")
    expect(body.status).toBe("degraded")
    expect(body.warnings).toContainEqual(expect.stringContaining("noeviction"))
  })

  test("health is degraded when CONFIG is not permitted", async () => {
    await heartbeat()
    await redis.call("ACL", "SETUSER", "default", "-config")
    const { status, body } = await (await open())("/health")
    await redis.call("ACL", "SETUSER", "default", "+config")
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: "degraded", durability: "unknown", redis: "up" })
  })

  test("health is degraded without a worker, with too much that waits, and when it is held", async () => {
    const send = await open()
    expect((await send("/health")).body).toMatchObject({ status: "degraded", worker_active: false })
    await heartbeat("SQLSTATE 42P01")
    await enqueue("a", "b", "c", "d")
    expect((await send("/health")).body).toMatchObject({
      ...{ status: "degraded", worker_active: true, queue_depth: 4, held: ["SQLSTATE 42P01"] },
    })
  })

  test("the rate is that of the last ten seconds, and forgets what is older", async () => {
    const send = await open()
    const now = Number((await redis.time())[0])
    await redis.hset(KEYS.counters, {
      "second:0": `${now - 1}:1`,
      "second:1": `${now - 8}:1504`,
      "second:2": `${now - 10}:5000`,
      "second:3": `${now + 3_600}:5000`,
    })
    expect((await send("/stats")).body).toMatchObject({ processing_rate: 150.5 })
  })

  test("workers are listed: alive, holding, and gone without a word", async () => {
    const workers = makeWorkers(async () => [queue])
    expect(await workers()).toEqual([])
    await redis.zadd(KEYS.workers, 1_000, "gone")
    await redis.zadd(KEYS.workers, Date.now() + 60_000, "well")
    await redis.zadd(KEYS.workers, Date.now() + 30_000, "holds")
    await redis.hset(KEYS.holds, "holds", "no table")
    expect(await workers()).toMatchObject([
      { id: "gone", isAlive: false, until: 1_000 },
      { id: "holds", isAlive: true, held: "no table" },
      { id: "well", isAlive: true, held: "" },
    ])
  })

  test("health answers in time while a store is frozen, and goes on by itself", async () => {
    const send = await open()
    await enqueue("a")
    await send("/health")
    await postgres().frozen(async () => {
      const found = await send("/health")
      expect(found.status).toBe(503)
      expect(found.body).toMatchObject({ queue_depth: 1, redis: "up", postgres: "down" })
      expect((await send("/stats")).status).toBe(200)
    })
    server().kill("SIGSTOP")
    try {
      const [health, stats] = await Promise.all([send("/health"), send("/stats")])
      expect(health.status).toBe(503)
      expect(health.body).toMatchObject({ status: "unhealthy", redis: "down", queue_depth: null })
      expect(stats.status).toBe(503)
    } finally {
      server().kill("SIGCONT")
    }
    const start = performance.now()
    while ((await send("/health")).status !== 200) {
      expect(performance.now() - start).toBeLessThan(RECOVERED_LIMIT_MILLIS)
    }
  })

  test("health answers in time when both stores fall silent on open connections", async () => {
    const proxies = await Promise.all([startProxy(server().port), startProxy(postgres().port)])
    for (const { stop } of proxies) closing.push(stop)
    const [redisPort, postgresPort] = proxies.map(({ port }) => String(port)) as [string, string]
    const send = await open(
      server().url.replace(String(server().port), redisPort),
      postgres().url.replace(String(postgres().port), postgresPort),
    )
    expect((await send("/health")).status).toBe(200)
    for (const proxy of proxies) void proxy.loseReplies()
    for (let round = 0; round < 2; round++) {
      const { status, body } = await send("/health")
      expect(status).toBe(503)
      expect(body).toMatchObject({ redis: "down", postgres: "down" })
    }
  })
})
