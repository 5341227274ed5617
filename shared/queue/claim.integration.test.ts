/** Items that enqueue did not make: what claim makes of them, once. */
import { Result } from "effect"
import { beforeAll, beforeEach, describe, expect, test } from "vitest"
import { REDIS_KINDS, useRedis } from "../../services/testing/redis.ts"
import { decodeItem, encodeWrite, makeItem } from "../item.ts"
import type { Connection } from "../redis/redis.ts"
import { keyValue } from "../testing/write.ts"
import { openQueue, type Queue } from "./queue.ts"

const DATABASE = "1/db/public"

describe.each(REDIS_KINDS)("claim on a %s Redis", (kind) => {
  const server = useRedis(kind)
  let redis: Connection
  let queue: Queue

  beforeAll(() => {
    redis = server().connection
    queue = openQueue(redis, "write_queue")
  })
  beforeEach(async () => {
    await redis.flushdb()
    await queue.seed({ highest: 0, database: DATABASE })
  })

  const claim = async (id: string) => {
    const limits = { most: 100, mostBytes: 1_000_000, lease: 60_000, database: DATABASE }
    return (await queue.claim({ id, ...limits }))?.items ?? []
  }
  const claimOne = async (pushed: string) => {
    await redis.lpush(queue.keys.waiting, pushed)
    const [item = ""] = await claim("1")
    const { version } = Result.merge(decodeItem(item))
    expect(version).toBeGreaterThan(1_000_000_000_000_000)
    return { item, version }
  }

  test.each([
    ['{"key":"a","value":"b"}', '"key":"a","value":"b"}'],
    [' \n{ "key":"a","value":"b"}', ' "key":"a","value":"b"}'],
    ['{"value":"b","key":"a","version":7}', '"value":"b","key":"a","version":7}'],
    ['{"version":7.5,"key":"a","value":"b"}', '"version":7.5,"key":"a","value":"b"}'],
    ['{"version":0,"key":"a","value":"b"}', '"version":0,"key":"a","value":"b"}'],
    [
      '{"version":9007199254740991,"key":"a","value":"b"}',
      '"version":9007199254740991,"key":"a","value":"b"}',
    ],
  ])("gives a foreign write a version and a mark: %s", async (pushed, members) => {
    const { item, version } = await claimOne(pushed)
    expect(item).toBe(`{"version":${version},"foreign":true,${members}`)
    expect(decodeItem(item)).toEqual(Result.succeed(makeItem(version, keyValue("a", "b"))))
    expect(await redis.hget(queue.keys.counters, "queued")).toBe("1")
    expect(await redis.hget(queue.keys.counters, "version")).toBe(String(version))
  })

  test.each(["junk", "[1]", '"a"', "7", 'a{"key":"a"}', "\n"])(
    "keeps what is no object as the text that it is, with a mark: %j",
    async (pushed) => {
      const { item, version } = await claimOne(pushed)
      const members = JSON.stringify(pushed)
      expect(item.startsWith(`{"version":${version},"foreign":true,"unreadable":`)).toBe(true)
      expect(JSON.parse(item).unreadable).toBe(JSON.parse(members))
      const failed = { version, text: item, reason: "is not an object" }
      expect(decodeItem(item)).toEqual(Result.fail(failed))
    },
  )

  test("makes no mark on what enqueue made", async () => {
    const write = keyValue("a", '{"foreign":true}')
    const { first } = await queue.enqueue({
      ...{ most: 10, isFirst: false, writes: [encodeWrite(write)] },
    })
    const [item = ""] = await claim("1")
    expect(item).toBe(`{"version":${first},"key":"a","value":"{\\"foreign\\":true}"}`)
    expect(decodeItem(item)).toEqual(Result.succeed(makeItem(first, write)))
  })

  test("makes one mark, however often the write comes back", async () => {
    const { item, version } = await claimOne('{"table":"orders_in_tests","row":{}}')
    expect(await claim("1")).toEqual([item])
    await queue.release({ id: "1" })
    expect(await claim("2")).toEqual([item])
    expect(await queue.park({ id: "2", lot: "orders_in_tests", versions: [String(version)] })).toBe(
      1,
    )
    await queue.unpark({ lot: "orders_in_tests", most: 1 })
    expect(await claim("3")).toEqual([item])
    expect(await redis.hget(queue.keys.counters, "queued")).toBe("1")
    // Of a write that is not enqueue's, no newer build needs to be waited for.
    expect(decodeItem(item)).toMatchObject({
      failure: { reason: "/table is not one of the tables" },
    })
  })

  test("keeps the mark of a write whose version is lifted", async () => {
    const { version } = await claimOne('{"key":"a","value":"b"}')
    await queue.release({ id: "1" })
    await queue.own({ database: "2/db/public" })
    const highest = version + 1_000_000_000
    expect(await queue.seed({ highest, database: "2/db/public" })).toBe("lifted")
    const [item = ""] = await redis.lrange(queue.keys.waiting, 0, -1)
    expect(item).toMatch(/^\{"version":\d{16},"foreign":true,"key":"a","value":"b"\}$/)
    expect(JSON.parse(item).version).toBeGreaterThan(highest)
  })
})
