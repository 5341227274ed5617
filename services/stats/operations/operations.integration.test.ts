import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest"
import { encodeDeadLetter, encodeWrite, makeItem } from "../../../shared/item.ts"
import type { Selection } from "../../../shared/operations.ts"
import { queueKeys } from "../../../shared/queue/keys.ts"
import { openQueue, type Queue } from "../../../shared/queue/queue.ts"
import type { Connection } from "../../../shared/redis/redis.ts"
import { keyValue } from "../../../shared/testing/write.ts"
import { REDIS_KINDS, useRedis } from "../../testing/redis.ts"
import { type Letters, type Moved, makeLetters, REASONS_MAX } from "./letters.ts"
import { makeWaiting, type Waiting } from "./waiting.ts"

const KEYS = queueKeys("write_queue")
const MEBIBYTE = 1024 * 1024
const AT = "2026-11-22T00:00:00.000Z"

describe.each(REDIS_KINDS)("an operator on a %s Redis", (kind) => {
  const server = useRedis(kind, { own: true })
  let redis: Connection
  let calls: Queue
  let letters: Letters
  let queue: Waiting

  const enqueue = (...keys: string[]) =>
    calls.enqueue({
      most: 10_000,
      isFirst: false,
      writes: keys.map((key) => encodeWrite(keyValue(key))),
    })
  /** Dead letters with ascending versions. */
  const bury = async (
    many: number,
    { key = "key", value = "v", reason = "bad" } = {},
    from = 1,
  ) => {
    for (let version = from; version < from + many; version++) {
      const item = makeItem(version, keyValue(`${key}:${version}`, value))
      await redis.lpush(KEYS.dead, encodeDeadLetter(item, reason, null, AT))
    }
  }
  const waiting = async () =>
    (await queue.peek(100)).queue.map((write) => "key" in write && write.key)

  beforeAll(() => {
    redis = server().connection
    calls = openQueue(redis, KEYS.waiting)
    letters = makeLetters(async () => [calls], 65_536)
    queue = makeWaiting(async () => [calls], 65_536)
  })
  beforeEach(() => redis.flushdb())

  test("purges what was seen, and leaves in order what came later", async () => {
    await enqueue("a", "b", "c", "d")
    const seen = await queue.seen()
    expect(seen.writes).toBe(4)
    // Two of them are taken by a worker meanwhile, and others come.
    await redis.rpop(KEYS.waiting, 2)
    await enqueue("e", "f", "g")
    expect(await queue.purge(seen)).toEqual({ purged: 2, next: null })
    expect(await waiting()).toEqual(["e", "f", "g"])
    expect(await redis.hgetall(KEYS.counters)).toMatchObject({ failed: "2", purged: "2" })
    expect(await queue.purge(seen)).toEqual({ purged: 0, next: null })
  })

  test("purges so many of the oldest and no more, however many wait", async () => {
    await enqueue("a", "b", "c", "d")
    const { newest } = await queue.seen()
    expect(await queue.purge({ writes: 1, newest })).toEqual({ purged: 1, next: null })
    expect(await waiting()).toEqual(["b", "c", "d"])
  })

  test("purges more than one call takes", async () => {
    const keys = Array.from({ length: 900 }, (_, index) => `key ${index}`)
    await enqueue(...keys)
    await enqueue(...keys)
    expect(await queue.purge(await queue.seen())).toMatchObject({ purged: 1_800 })
    expect(await redis.llen(KEYS.waiting)).toBe(0)
  })

  test("purges parked writes too, and sees how many there are", async () => {
    await enqueue("a", "b", "c")
    const database = "1/db/public"
    await calls.seed({ highest: 0, database })
    const limits = { most: 2, mostBytes: 1_000_000, lease: 60_000, database }
    const claimed = await calls.claim({ id: "1", ...limits })
    const versions = claimed?.items.map((item) => String(JSON.parse(item).version)) ?? []
    expect(await calls.park({ id: "1", lot: "orders_in_tests", versions })).toBe(2)
    const seen = await queue.seen()
    expect(seen.writes).toBe(3)
    await enqueue("later")
    expect(await queue.purge(seen)).toEqual({ purged: 3, next: null })
    expect(await waiting()).toEqual(["later"])
  })

  test("pauses and resumes when Redis is out of memory", async () => {
    await enqueue("a")
    await redis.config("SET", "maxmemory", "1")
    try {
      await queue.pause()
      expect(await redis.hget(KEYS.counters, "paused")).toBe("1")
      await queue.resume()
      expect(await redis.hget(KEYS.counters, "paused")).toBeNull()
    } finally {
      await redis.config("SET", "maxmemory", "0")
    }
  })

  test("handles large dead letters a few at a time", async () => {
    const largeLetters = makeLetters(async () => [calls], MEBIBYTE)
    const largeQueue = makeWaiting(async () => [calls], MEBIBYTE)
    await bury(20, { value: "v".repeat(MEBIBYTE) })
    await redis.hset(KEYS.counters, "version", 20)
    const { dead, next } = await largeLetters.page(0, 20, {})
    expect([dead.length, next]).toEqual([8, 8])
    // On a busy machine it takes more than one call.
    let selection: Selection | null = { all: true }
    while (selection) selection = (await largeLetters.replay(selection))?.next ?? null
    expect(await redis.llen(KEYS.waiting)).toBe(20)
    expect((await largeQueue.peek(20)).queue).toHaveLength(8)
    expect(await largeQueue.purge(await largeQueue.seen())).toMatchObject({ purged: 20 })
  })

  describe("with dead letters", () => {
    const versions = async () => (await letters.page(0, 100, {})).dead.map(({ version }) => version)

    test("pages through those of a filter, and counts them by reason", async () => {
      await bury(250, { reason: "common", key: "user" })
      await bury(3, { reason: "rare", key: "order" }, 251)
      const first = await letters.page(0, 2, { reason: "rare" })
      expect(first).toMatchObject({ total: 253, next: 252, dead: [{ key: "order:251" }, {}] })
      const last = await letters.page(first.next ?? 0, 2, { reason: "rare" })
      expect(last).toMatchObject({ next: null, dead: [{ version: 253 }] })
      expect(await letters.page(0, 100, { key: "ser:25" })).toMatchObject({
        dead: [{ version: 25 }, { version: 250 }],
      })
      expect(await letters.reasons(0, {})).toMatchObject({
        ...{ others: 0, total: 253, next: null },
        reasons: [
          { reason: "common", writes: 250 },
          { reason: "rare", writes: 3 },
        ],
      })
      expect((await letters.reasons(0, { key: "order" })).reasons).toEqual([
        { reason: "rare", writes: 3 },
      ])
    })

    test("names so many reasons, and counts the others", async () => {
      for (let at = 1; at <= REASONS_MAX + 2; at++) await bury(1, { reason: `reason ${at}` }, at)
      const { reasons, others } = await letters.reasons(0, {})
      expect([reasons.length, others]).toEqual([REASONS_MAX, 2])
    })

    test("takes what was there when it looked, and nothing that came later", async () => {
      await bury(4)
      const { newest: until } = await letters.page(0, 1, {})
      await bury(2, {}, 5)
      const selection = { all: true, ...(until !== null && { until }) } as const
      expect(await letters.discard({ ...selection, most: 1 })).toMatchObject({ moved: 1 })
      expect(await letters.discard(selection)).toMatchObject({ moved: 3, next: null })
      expect(await versions()).toEqual([5, 6])
      // What it saw last is gone: where it ended is not known any more.
      expect(await letters.discard(selection)).toBeNull()
      expect(await versions()).toEqual([5, 6])
    })

    test("takes those of a filter, and says which versions there are none of", async () => {
      await bury(150, { reason: "one" })
      await bury(150, { reason: "other" }, 151)
      expect(await letters.replay({ all: true, reason: "other" })).toMatchObject({ moved: 150 })
      expect(await redis.llen(KEYS.waiting)).toBe(150)
      expect(await letters.discard({ versions: [150, 7, 999] })).toEqual({
        ...{ moved: 2, missing: [999], next: null },
      })
      expect(await redis.llen(KEYS.dead)).toBe(148)
    })

    test("replays nothing of what somebody else has replayed meanwhile", async () => {
      await bury(2)
      const pairs = (await calls.letters(0, 2)).flatMap((letter) => [letter, "an item"])
      expect(await calls.replay({ pairs })).toBe(2)
      expect(await calls.replay({ pairs })).toBe(0)
      expect(await redis.llen(KEYS.waiting)).toBe(2)
    })

    test("goes on where the time ended, until all is done", async () => {
      await bury(450)
      // Each look at the clock is a second later: a page a call.
      let now = 0
      const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 1_000))
      const calls: number[] = []
      let selection: Selection | null = { all: true }
      while (selection) {
        const done: Moved | null = await letters.replay(selection)
        calls.push(done?.moved ?? Number.NaN)
        // They die again while others are replayed, and are not replayed twice.
        await bury(10, {}, 1_000 + 10 * calls.length)
        selection = done?.next ?? null
      }
      clock.mockRestore()
      expect(calls).toEqual([100, 100, 100, 100, 50])
      expect(await redis.llen(KEYS.dead)).toBe(50)
    })
  })
})
