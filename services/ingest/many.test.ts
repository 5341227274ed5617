import { setImmediate as turn } from "node:timers/promises"
import { expect, test } from "vitest"
import type { Queue } from "../../shared/queue/queue.ts"
import { keyValue } from "../../shared/testing/write.ts"
import { sendAll } from "./many.ts"
import { makePut } from "./queue.ts"
import { CALL_MAX_BYTES, CALL_MAX_WRITES } from "./sender.ts"
import { fakeShard } from "./testing/shards.ts"

/** How many writes each call of the script had. None is answered. */
const setUp = () => {
  const calls: number[] = []
  const enqueue: Queue["enqueue"] = ({ writes }) => {
    calls.push(writes.length)
    return new Promise(() => {})
  }
  const link = { connections: 1, trouble: null, version: null, canAsk: true }
  const limits = { maxDepth: 100_000, onceSeconds: 60 }
  return { put: makePut(fakeShard({ enqueue }, link), limits, () => {}), calls }
}

const NOTHING = { waitMillis: 0, key: "k", isVerbose: false }

const same = (count: number, bytes: number) =>
  Array.from({ length: count }, () => keyValue("key", "v".repeat(bytes)))

test.each([
  ["so many that they fill a call", 1, CALL_MAX_WRITES, 1, [1, CALL_MAX_WRITES]],
  ["so many, and none before them", 0, CALL_MAX_WRITES, 1, [CALL_MAX_WRITES]],
  ["so large that two calls have room for them", 1, 100, CALL_MAX_BYTES / 75, [101]],
])("writes that are %s stay in one", async (_, others, count, bytes, expected) => {
  const { put, calls } = setUp()
  for (let other = 0; other < others; other += 1) void put(keyValue("other", "v"))
  void sendAll(put, same(count, bytes), NOTHING)
  await turn()
  expect(calls).toEqual(expected)
})

test("writes of two calls share one of the script as far as it has room for a call as a whole", async () => {
  const { put, calls } = setUp()
  for (let call = 0; call < 3; call += 1) void sendAll(put, same(400, 1), NOTHING)
  await turn()
  expect(calls).toEqual([800, 400])
})
