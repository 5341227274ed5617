import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { decodeItem } from "../../shared/item.ts"
import { queueKeys } from "../../shared/queue/keys.ts"
import { startProxy } from "../testing/proxy.ts"
import { REDIS_KINDS, useRedis } from "../testing/redis.ts"
import { openIngest } from "./testing/ingest.ts"

/** What the issue promises; the times between are a small part of them on an idle machine. */
const REFUSED_LIMIT_MILLIS = 900
const RECOVERED_LIMIT_MILLIS = 1_000
const POLL_MILLIS = 10
const KEYS = queueKeys("write_queue")
const MAX_DEPTH = 1_000

interface Answer {
  readonly status: number
  readonly type?: string
  readonly version: number
  readonly retryAfter: string | null
  readonly millis: number
}

/** Ingest, as a client sees it. */
const openTimed = async (url: string, maxDepth = MAX_DEPTH) => {
  const { post: send, health, close } = await openIngest({ url, maxDepth })
  const post = async (key: string): Promise<Answer> => {
    const start = performance.now()
    const { status, headers, body } = await send(key)
    const millis = performance.now() - start
    return { status, retryAfter: headers.get("retry-after"), millis, ...body }
  }
  /** Posts until one is accepted; the time it took, and what came before. */
  const recovery = async () => {
    const start = performance.now()
    const refused: Answer[] = []
    for (;;) {
      const found = await post("recovered")
      const millis = performance.now() - start
      if (found.status === 202) return { millis, refused }
      refused.push(found)
      if (millis > 10 * RECOVERED_LIMIT_MILLIS) throw new Error("not recovered")
      await new Promise((resume) => setTimeout(resume, POLL_MILLIS))
    }
  }
  return { post, recovery, health, close }
}

describe.each(REDIS_KINDS)("ingest on a %s Redis", (kind) => {
  const server = useRedis(kind, { own: true })
  const closing: Array<() => void> = []

  const open = async (url = server().url, maxDepth?: number) => {
    const ingest = await openTimed(url, maxDepth)
    closing.push(ingest.close)
    return ingest
  }
  const count = async (name: string) => Number(await server().connection.hget(KEYS.counters, name))

  beforeEach(() => server().connection.flushall())
  afterEach(() => {
    for (const close of closing.splice(0)) close()
  })

  test("queues writes of one turn in their order, with rising versions", async () => {
    const ingest = await open()
    const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`)
    const answers = await Promise.all(keys.map(ingest.post))
    expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 202))
    const items = (await server().connection.lrange(KEYS.waiting, 0, -1)).reverse().map(decodeItem)
    expect(items).toMatchObject(
      answers.map(({ version }, index) => ({
        success: { version, write: { row: { key: keys[index] } } },
      })),
    )
    expect(await count("queued")).toBe(100)
  })

  test("takes exactly as many writes as may wait", async () => {
    const ingest = await open(server().url, 10)
    const keys = Array.from({ length: 25 }, (_, index) => `key ${index}`)
    const answers = await Promise.all(keys.map(ingest.post))
    const accepted = answers.filter(({ status }) => status === 202)
    const refused = answers.filter(({ status }) => status === 503)
    expect([accepted.length, refused.length]).toEqual([10, 15])
    for (const { type, retryAfter } of refused) {
      expect([type, retryAfter]).toEqual(["/problems/queue-full", "60"])
    }
    expect([await server().connection.llen(KEYS.waiting), await count("queued")]).toEqual([10, 10])
    await server().connection.rpop(KEYS.waiting)
    expect((await ingest.post("room again")).status).toBe(202)
    expect((await ingest.post("and full again")).status).toBe(503)
    expect(await ingest.health()).toMatchObject({ code: 200, status: "degraded" })
  })

  test("tells a full queue that drains fast to come back soon", async () => {
    const ingest = await open(server().url, 10)
    const [seconds] = await server().connection.time()
    await server().connection.hset(KEYS.counters, `second:${Number(seconds) % 16}`, `${seconds}:5`)
    const answers = await Promise.all(Array.from({ length: 11 }, (_, i) => ingest.post(`${i}`)))
    expect(answers.at(-1)).toMatchObject({ status: 503, retryAfter: "2" })
  })

  test("refuses when Redis is out of memory, and changes nothing", async () => {
    const ingest = await open()
    await server().connection.config("SET", "maxmemory", "1")
    const refused = await ingest.post("too much")
    expect(refused).toMatchObject({ status: 503, type: "/problems/queue-full", retryAfter: "10" })
    expect(await ingest.health()).toMatchObject({ status: "degraded", reason: "queue-full" })
    await server().connection.config("SET", "maxmemory", "0")
    expect(await server().connection.exists(KEYS.waiting, KEYS.counters)).toBe(0)
    expect((await ingest.post("fits")).status).toBe(202)
  })

  test("refuses while Redis is somebody's replica, and goes on when it is not", async () => {
    const ingest = await open()
    await server().connection.replicaof("127.0.0.1", 1)
    expect(await ingest.post("a")).toMatchObject({
      ...{ status: 503, type: "/problems/queue-unavailable", retryAfter: "1" },
    })
    expect(await ingest.health()).toMatchObject({ code: 503, status: "unhealthy" })
    await server().connection.replicaof("NO", "ONE")
    expect((await ingest.recovery()).millis).toBeLessThan(RECOVERED_LIMIT_MILLIS)
    expect(await count("queued")).toBe(1)
  })

  test("says that a write may have happened when its reply is lost, and sends it once", async () => {
    const proxy = await startProxy(server().port)
    closing.push(proxy.stop)
    const ingest = await open(`redis://127.0.0.1:${proxy.port}`)
    const heard = proxy.loseReplies()
    const posted = ingest.post("lost")
    await heard
    proxy.heal()
    expect(await posted).toMatchObject({ status: 503, type: "/problems/outcome-unknown" })
    await ingest.recovery()
    expect([await server().connection.llen(KEYS.waiting), await count("queued")]).toEqual([2, 2])
  })

  test("refuses in time while Redis is frozen, and goes on when it is not", async () => {
    const ingest = await open()
    server().kill("SIGSTOP")
    const unknown = await ingest.post("frozen")
    server().kill("SIGCONT")
    expect(unknown).toMatchObject({ status: 503, type: "/problems/outcome-unknown" })
    expect(unknown.millis).toBeLessThan(2_000)
    const { refused } = await ingest.recovery()
    const unknowns = refused.filter(({ type }) => type === "/problems/outcome-unknown")
    expect(await count("queued")).toBeLessThanOrEqual(2 + unknowns.length)
  })

  test("refuses at once while Redis is down, and accepts soon after it is back", async () => {
    const ingest = await open()
    expect(await ingest.health()).toEqual({ code: 200, status: "healthy", redis: "up" })
    await server().end("SIGKILL")
    const refused = [await ingest.post("1"), await ingest.post("2"), await ingest.post("3")]
    for (const found of refused) {
      expect(found).toMatchObject({ status: 503, retryAfter: "1" })
      expect(found.millis).toBeLessThan(REFUSED_LIMIT_MILLIS)
    }
    expect(refused.at(-1)?.type).toBe("/problems/queue-unavailable")
    expect(await ingest.health()).toMatchObject({ code: 503, redis: "down" })
    await server().start()
    expect((await ingest.recovery()).millis).toBeLessThan(RECOVERED_LIMIT_MILLIS)
    expect(await ingest.health()).toMatchObject({ code: 200 })
  })
})
