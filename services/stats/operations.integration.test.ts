import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { type Directory, temporaryDirectory } from "../../scripts/directory.ts"
import { nativeRedis, startRedis } from "../../scripts/redis.ts"
import type { Store } from "../../scripts/store.ts"
import { openQueue, type QueueConnection, queueKeys, untilReady } from "../../shared/queue.ts"
import { encodeDeadLetter, encodeWrite } from "../../shared/write.ts"
import { makeOperations, type Operations } from "./operations.ts"

const KINDS = nativeRedis() ? (["native", "wasm"] as const) : (["wasm"] as const)
const KEYS = queueKeys("write_queue")
const MEBIBYTE = 1024 * 1024

describe.each(KINDS)("an operator on a %s Redis", (kind) => {
  let directory: Directory
  let store: Store
  let redis: QueueConnection
  let operations: Operations

  const enqueue = (...keys: string[]) =>
    redis.enqueue(
      ...[KEYS.waiting, KEYS.counters, KEYS.workers, 1_000, 0],
      ...keys.map((key) => encodeWrite({ key, value: "v" })),
    )
  const waiting = async () =>
    (await operations.peek(100)).map((write) => "key" in write && write.key)

  beforeAll(async () => {
    directory = await temporaryDirectory()
    store = await startRedis({ directory: directory.path, kind })
    redis = openQueue(store.url, { name: "test" })
    await untilReady(redis)
    operations = makeOperations(redis, KEYS.waiting, 65_536)
  })
  afterAll(async () => {
    redis?.disconnect()
    await store?.stop()
    await directory?.remove()
  })
  beforeEach(() => redis.flushall())

  test("purges what was seen, and leaves in order what came later", async () => {
    await enqueue("a", "b", "c", "d")
    const seen = await operations.waiting()
    expect(seen.writes).toBe(4)
    // Two of them are taken by a worker meanwhile, and others come.
    await redis.rpop(KEYS.waiting, 2)
    await enqueue("e", "f", "g")
    expect(await operations.purge(seen)).toBe(2)
    expect(await waiting()).toEqual(["e", "f", "g"])
    expect(await redis.hgetall(KEYS.counters)).toMatchObject({ failed: "2", purged: "2" })
    expect(await operations.purge(seen)).toBe(0)
  })

  test("purges more than one call takes", async () => {
    const keys = Array.from({ length: 900 }, (_, index) => `key ${index}`)
    await enqueue(...keys)
    await redis.enqueue(
      ...[KEYS.waiting, KEYS.counters, KEYS.workers, 10_000, 0],
      ...keys.map((key) => encodeWrite({ key, value: "v" })),
    )
    expect(await operations.purge(await operations.waiting())).toBe(1_800)
    expect(await redis.llen(KEYS.waiting)).toBe(0)
  })

  test("pauses and resumes when Redis is out of memory", async () => {
    await enqueue("a")
    await redis.config("SET", "maxmemory", "1")
    try {
      await operations.pause()
      expect(await redis.hget(KEYS.counters, "paused")).toBe("1")
      await operations.resume()
      expect(await redis.hget(KEYS.counters, "paused")).toBeNull()
    } finally {
      await redis.config("SET", "maxmemory", "0")
    }
  })

  test("handles large dead letters a few at a time", async () => {
    const large = makeOperations(redis, KEYS.waiting, MEBIBYTE)
    const letters = Array.from({ length: 20 }, (_, index) =>
      encodeDeadLetter(
        { version: index + 1, write: { key: `key ${index}`, value: "v".repeat(MEBIBYTE) } },
        "too large",
        null,
        "2026-11-22T00:00:00.000Z",
      ),
    )
    await redis.hset(KEYS.counters, "version", letters.length)
    for (const letter of letters) await redis.lpush(KEYS.dead, letter)
    const { dead, next } = await large.dead(0, 20)
    expect([dead.length, next]).toEqual([8, 8])
    expect(await large.replay({ all: true })).toBe(20)
    expect(await redis.llen(KEYS.waiting)).toBe(20)
    expect(await large.peek(20)).toHaveLength(8)
    expect(await large.purge(await large.waiting())).toBe(20)
  })
})
