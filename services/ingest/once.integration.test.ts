import { randomUUID } from "node:crypto"
import { beforeEach, describe, expect, test } from "vitest"
import { DEFAULT_TABLE, decodeItem } from "../../shared/item.ts"
import { sampleWrite } from "../../shared/table/sample.ts"
import { useRedis } from "../testing/redis.ts"
import type { Request } from "./group.ts"
import { makePut } from "./queue.ts"
import { shardOn } from "./testing/shards.ts"

const server = useRedis("native")
const ONCE_SECONDS = 60

const write = (key: string, number = 1) => sampleWrite(DEFAULT_TABLE, number, key, 20)
const keyed = (key: string): Request => ({ isAwaited: false, key })

/** An ingest's queue, and what is in Redis of it. */
const open = (maxDepth = 100) => {
  const { connection } = server()
  const shards = shardOn(connection, `once-${randomUUID()}`)
  const { queue } = shards
  const put = makePut(shards, { maxDepth, onceSeconds: ONCE_SECONDS }, (reason) => {
    throw new Error(reason)
  })
  return { put, queue, connection, waiting: () => connection.lrange(queue.keys.waiting, 0, -1) }
}

describe("a write with an idempotency key", () => {
  let opened: ReturnType<typeof open>
  beforeEach(() => {
    opened = open()
  })

  test("is queued once, and its repetition is told what the first one was", async () => {
    const { put, waiting } = opened
    const first = await put(write("a"), keyed("k"))
    await put(write("b"))
    expect(await put(write("a"), keyed("k"))).toEqual({ ...first, isRepeated: true })
    expect(await waiting()).toHaveLength(2)
  })

  test("is the same in another trace, and without one: it is no part of the payload", async () => {
    const { put, waiting } = opened
    const traced = (last: string) => ({
      trace: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333${last}-01`,
    })
    const first = await put(write("a"), { ...keyed("k"), ...traced("1") })
    for (const trace of [{}, traced("1"), traced("2")]) {
      const repeated = await put(write("a"), { ...keyed("k"), ...trace })
      expect(repeated).toEqual({ ...first, isRepeated: true })
    }
    const [item = "", ...others] = await waiting()
    expect(others).toEqual([])
    expect(decodeItem(item)).toMatchObject({ success: { ...traced("1"), write: write("a") } })
    const conflict = { refused: "idempotency-conflict" }
    expect(await put(write("b"), { ...keyed("k"), ...traced("1") })).toEqual(conflict)
  })

  test("with another payload is refused, and nothing is queued", async () => {
    const { put, waiting } = opened
    await put(write("a"), keyed("k"))
    const conflict = { refused: "idempotency-conflict" }
    expect(await put(write("a", 2), keyed("k"))).toEqual(conflict)
    expect(await put(write("b"), keyed("k"))).toEqual(conflict)
    expect(await put(write("b"), keyed("other"))).toHaveProperty("version")
    expect(await waiting()).toHaveLength(2)
  })

  test("twice in one call is queued once, and the writes around it keep their versions", async () => {
    const { put, queue, waiting } = opened
    const outcomes = await Promise.all([
      put(write("a")),
      put(write("b"), keyed("k")),
      put(write("b"), keyed("k")),
      put(write("c")),
      put(write("d"), keyed("k")),
      put(write("e"), keyed("k2")),
    ])
    const version = (index: number) => (outcomes[index] as { version: number }).version
    expect(outcomes[2]).toEqual({ ...outcomes[1], isRepeated: true })
    expect(outcomes[4]).toEqual({ refused: "idempotency-conflict" })
    const order = [version(0), version(1), version(3), version(5)]
    expect(order).toEqual(order.map((_, index) => version(0) + index))
    const items = (await waiting()).reverse().map((item) => JSON.parse(item))
    expect(items.map((item) => [item.key, item.version])).toEqual(
      ["a", "b", "c", "e"].map((key, index) => [key, order[index]]),
    )
    expect((await queue.snapshot({})).counters.get("queued")).toBe("4")
  })

  test("that did not fit is not remembered: its repetition is queued when there is room", async () => {
    const { put, queue, connection } = open(2)
    await Promise.all([put(write("a")), put(write("b"))])
    const refused = expect.objectContaining({ refused: "queue-full" })
    expect(await put(write("c"), keyed("k"))).toEqual(refused)
    expect(await Promise.all([put(write("c"), keyed("k")), put(write("c"), keyed("k"))])).toEqual([
      refused,
      refused,
    ])
    await connection.rpop(queue.keys.waiting)
    const taken = await put(write("c"), keyed("k"))
    expect(taken).toHaveProperty("version")
    // The queue is full again, and that is no reason to tell the client anything else.
    expect(await put(write("c"), keyed("k"))).toEqual({ ...taken, isRepeated: true })
  })

  test("is forgotten after its time, and kept under no name that shows it", async () => {
    const { put, queue, connection } = opened
    await put(write("a"), keyed("secret key"))
    const [name = ""] = await connection.keys(`${queue.keys.oncePrefix}*`)
    expect(name).not.toContain("secret")
    const left = await connection.ttl(name)
    expect(left).toBeGreaterThan(ONCE_SECONDS - 5)
    expect(left).toBeLessThanOrEqual(ONCE_SECONDS)
    await connection.del(name)
    await put(write("a"), keyed("secret key"))
    expect(await connection.llen(queue.keys.waiting)).toBe(2)
  })

  test("without a key leaves nothing in Redis", async () => {
    const { put, queue, connection } = opened
    await put(write("a"))
    expect(await connection.keys(`${queue.keys.oncePrefix}*`)).toEqual([])
    expect(await connection.exists(queue.keys.asked)).toBe(0)
  })
})
