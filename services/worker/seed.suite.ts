/** What every queue does before it gives out its first write: its versions go on above the table's. */
import { Effect } from "effect"
import { expect } from "vitest"
import { conserved, keysOf, type Subject, writes } from "./queue.suite.ts"
import { Queue } from "./queue.ts"
import { QueueOutside } from "./queue-memory.ts"

/** The year 2223: no clock is ahead of it. */
const FAR_AHEAD = 8e15

export const seedSuite = ({ test }: Subject) => {
  test(
    "nothing is claimed before the versions are seeded",
    Effect.gen(function* () {
      const queue = yield* Queue
      yield* (yield* QueueOutside).enqueue(writes("a"))
      expect(yield* queue.claim("1", 10)).toBeNull()
      expect(yield* conserved).toMatchObject({ inFlight: 0, queued: 1 })
      yield* queue.seed(0)
      expect(keysOf(yield* queue.claim("1", 10))).toEqual(["a"])
    }),
  )

  test(
    "when the clock is behind the table, the writes that wait are lifted above it, in order",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      const keys = Array.from({ length: 2_500 }, (_, i) => `key ${i}`)
      yield* outside.enqueue(writes(...keys))
      expect(yield* queue.seed(FAR_AHEAD)).toBe(true)
      expect((yield* conserved).version).toBe(FAR_AHEAD + 2_500)
      expect(yield* outside.enqueue(writes("later"))).toBe(FAR_AHEAD + 2_501)

      const batch = yield* queue.claim("1", 10_000)
      expect(keysOf(batch)).toEqual([...keys, "later"])
      expect(batch?.items.map(({ version }) => version - FAR_AHEAD)).toEqual(
        Array.from({ length: 2_501 }, (_, i) => i + 1),
      )
      expect(yield* queue.seed(FAR_AHEAD)).toBe(false)
    }),
  )

  test(
    "what somebody else pushed stays foreign when the others are lifted",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      yield* outside.enqueue(writes("a"))
      yield* outside.push('{"key":"foreign","value":"x"}')
      expect(yield* queue.seed(FAR_AHEAD)).toBe(true)
      expect((yield* outside.snapshot).queued).toBe(1)
      const batch = yield* queue.claim("1", 10)
      expect(keysOf(batch)).toEqual(["a", "foreign"])
      expect(batch?.items.map(({ version }) => version - FAR_AHEAD)).toEqual([1, 2])
      expect(yield* conserved).toMatchObject({ queued: 2 })
    }),
  )

  test(
    "an empty queue that was seeded gives its first write a version above the table's",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      expect(yield* queue.seed(FAR_AHEAD)).toBe(true)
      expect(yield* outside.enqueue(writes("a"))).toBe(FAR_AHEAD + 1)
    }),
  )
}
