import { setImmediate as turn } from "node:timers/promises"
import { expect, test } from "vitest"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import type { Queue } from "../../shared/queue/queue.ts"
import { shardOf } from "../../shared/queue/shards.ts"
import { keyValue } from "../../shared/testing/write.ts"
import { makePut, WAITING_MAX_WRITES } from "./queue.ts"
import { CALL_MAX_WRITES, CALLS_MAX } from "./sender.ts"
import { fakeShards } from "./testing/shards.ts"

const SHARDS = 3
const UNAVAILABLE = { refused: "queue-unavailable", retryAfterSeconds: 1 }

const numbers = Array.from({ length: SHARDS }, (_, number) => number)

/** Shards that keep each call until the test replies to it, as if each had this depth then. */
const setUp = () => {
  const calls = numbers.map((): Array<(depth: number) => void> => [])
  const told: Array<ReadonlyArray<number | undefined>> = []
  const enqueueTo =
    (number: number): Queue["enqueue"] =>
    ({ most, shards, shard, writes }) => {
      told.push([shards, shard, most])
      const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<Queue["enqueue"]>>>()
      const reply = { first: 1, step: 4, taken: writes.length, drained: 0, repeated: new Map() }
      calls[number]?.push((depth) => resolve({ ...reply, depth }))
      return promise
    }
  const link = { connections: 1, trouble: null, version: null, canAsk: true }
  const queues = numbers.map((number) => ({ enqueue: enqueueTo(number) }))
  const limits = { maxDepth: 500, onceSeconds: 60 }
  const put = makePut(fakeShards(queues, link), limits, () => {})
  let made = 0
  /** Puts a write that belongs to this shard. */
  const putTo = (number: number) => {
    for (;;) {
      const key = `key ${made++}`
      if (shardOf(DEFAULT_TABLE.name, key, SHARDS) === number) return put(keyValue(key))
    }
  }
  return { putTo, calls, told }
}

test("what waits for a reply is bounded for all shards together", async () => {
  const { putTo, calls } = setUp()
  for (let at = 0; at < WAITING_MAX_WRITES - CALL_MAX_WRITES; at += 1) void putTo(0)
  for (let at = 0; at < CALL_MAX_WRITES; at += 1) void putTo(1)
  await turn()
  expect(await putTo(2)).toEqual(UNAVAILABLE)
  expect(await putTo(1)).toEqual(UNAVAILABLE)
  calls[1]?.[0]?.(CALL_MAX_WRITES)
  await turn()
  void putTo(2)
  await turn()
  expect(calls[2]).toHaveLength(1)
})

test("calls wait for those of their own shard alone", async () => {
  const { putTo, calls } = setUp()
  for (let at = 0; at < CALLS_MAX + 1; at += 1) {
    void putTo(0)
    await turn()
  }
  void putTo(1)
  await turn()
  expect(calls.map(({ length }) => length)).toEqual([CALLS_MAX, 1, 0])
})

test("each shard is told which one it is, and its part of what may wait", async () => {
  const { putTo, told } = setUp()
  for (const number of numbers) void putTo(number)
  await turn()
  expect(told).toEqual(numbers.map((number) => [SHARDS, number, 166]))
})

test("the depth is that of all shards, as far as it is known", async () => {
  const { putTo, calls } = setUp()
  const outcomes = numbers.map(putTo)
  await turn()
  calls[0]?.[0]?.(5)
  expect(await outcomes[0]).toMatchObject({ depth: 5 })
  calls[1]?.[0]?.(20)
  expect(await outcomes[1]).toMatchObject({ depth: 25 })
  const again = putTo(0)
  await turn()
  calls[0]?.[1]?.(1)
  expect(await again).toMatchObject({ depth: 21 })
})
