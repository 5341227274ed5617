/** What every queue does before it gives out its first write: its versions go on above the table's. */
import { Effect } from "effect"
import { expect } from "vitest"
import { UNDER_WAY_MICROS } from "../../../shared/queue/seed.ts"
import { QueueOwned } from "../errors.ts"
import { Queue } from "../queue.ts"
import { DATABASE } from "./database-memory.ts"
import { conserved, keysOf, writes } from "./kit.ts"
import type { Subject } from "./queue.suite.ts"
import { QueueOutside } from "./queue-memory.ts"

/** The year 2223: no clock is ahead of it. */
const FAR_AHEAD = 8e15

/** Above the table's versions, and those of statements that were under way. */
const LIFTED = FAR_AHEAD + UNDER_WAY_MICROS

export const seedSuite = ({ test, pass }: Subject) => {
  test(
    "nothing is claimed before the versions are seeded",
    Effect.gen(function* () {
      const queue = yield* Queue
      yield* (yield* QueueOutside).enqueue(writes("a"))
      expect(yield* queue.claim("1", 10, DATABASE)).toBeNull()
      expect(yield* conserved).toMatchObject({ inFlight: 0, queued: 1 })
      yield* queue.seed(0, DATABASE)
      expect(keysOf(yield* queue.claim("1", 10, DATABASE))).toEqual(["a"])
    }),
  )

  test(
    "when the clock is behind the table, the writes that wait are lifted above it, in order",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      const keys = Array.from({ length: 2_500 }, (_, i) => `key ${i}`)
      yield* outside.enqueue(writes(...keys))
      expect(yield* queue.seed(FAR_AHEAD, DATABASE)).toBe("lifted")
      expect((yield* conserved).version).toBe(LIFTED + 2_500)
      expect(yield* outside.enqueue(writes("later"))).toBeGreaterThan(LIFTED + 2_500)

      const batch = yield* queue.claim("1", 10_000, DATABASE)
      expect(keysOf(batch)).toEqual([...keys, "later"])
      expect(batch?.items.slice(0, -1).map(({ version }) => version - LIFTED)).toEqual(
        Array.from({ length: 2_500 }, (_, i) => i + 1),
      )
      expect(yield* queue.seed(FAR_AHEAD, DATABASE)).toBe("kept")
    }),
  )

  test(
    "what somebody else pushed stays foreign when the others are lifted",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      yield* outside.enqueue(writes("a"))
      yield* outside.push('{"key":"foreign","value":"x"}')
      expect(yield* queue.seed(FAR_AHEAD, DATABASE)).toBe("lifted")
      expect((yield* outside.snapshot).queued).toBe(1)
      const batch = yield* queue.claim("1", 10, DATABASE)
      expect(keysOf(batch)).toEqual(["a", "foreign"])
      const [lifted = 0, foreign = 0] = batch?.items.map(({ version }) => version - LIFTED) ?? []
      expect([lifted, foreign > lifted]).toEqual([1, true])
      expect(yield* conserved).toMatchObject({ queued: 2 })
    }),
  )

  test(
    "an empty queue that was seeded gives its first write a version above the table's",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      expect(yield* queue.seed(FAR_AHEAD, DATABASE)).toBe("lifted")
      expect(yield* outside.enqueue(writes("a"))).toBeGreaterThan(FAR_AHEAD)
    }),
  )

  test(
    "writes that were lifted have their age again from the lift on",
    Effect.gen(function* () {
      const queue = yield* Queue
      yield* (yield* QueueOutside).enqueue(writes("a"))
      yield* queue.seed(FAR_AHEAD, DATABASE)
      yield* pass(50)
      const { oldestAge } = yield* Effect.repeat(queue.look, {
        until: (look) => look.oldestAge > 0,
      })
      expect(oldestAge).toBeLessThan(5_000)
    }),
  )

  test(
    "batches that are under way with lower versions are waited for before the others are lifted",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      yield* queue.seed(0, DATABASE)
      yield* outside.enqueue(writes("a", "b"))
      yield* queue.claim("1", 1, DATABASE)
      yield* outside.give("another")
      expect(yield* queue.seed(FAR_AHEAD, "another")).toBe("waits")
      expect(yield* queue.claim("2", 10, "another")).toBeNull()
      yield* queue.release("1")
      expect(yield* queue.seed(FAR_AHEAD, "another")).toBe("lifted")
      const batch = yield* queue.claim("2", 10, "another")
      expect(batch?.items.map(({ version }) => version - LIFTED)).toEqual([1, 2])
    }),
  )

  test(
    "a queue belongs to the database that seeded it, until an operator gives it to another",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      expect(yield* queue.owner).toBe("")
      yield* queue.seed(0, DATABASE)
      yield* outside.enqueue(writes("a"))
      expect(yield* queue.owner).toBe(DATABASE)
      const refused = new QueueOwned({ owner: DATABASE })
      expect(yield* Effect.flip(queue.claim("1", 10, "another"))).toEqual(refused)
      expect(yield* Effect.flip(queue.seed(0, "another"))).toEqual(refused)
      expect(yield* conserved).toMatchObject({ inFlight: 0, queued: 1 })

      yield* outside.give("another")
      expect(yield* queue.owner).toBe("another")
      expect(yield* Effect.flip(queue.claim("1", 10, DATABASE))).toEqual(
        new QueueOwned({ owner: "another" }),
      )
      yield* queue.seed(0, "another")
      expect(keysOf(yield* queue.claim("1", 10, "another"))).toEqual(["a"])
    }),
  )

  test(
    "a database is the same when a role may not ask for its server, and the fuller name is kept",
    Effect.gen(function* () {
      const queue = yield* Queue
      const untold = DATABASE.replace(/^\d+/, "")
      yield* queue.seed(0, untold)
      yield* (yield* QueueOutside).enqueue(writes("a", "b"))
      expect(keysOf(yield* queue.claim("1", 1, DATABASE))).toEqual(["a"])
      expect(yield* queue.owner).toBe(DATABASE)
      expect(keysOf(yield* queue.claim("2", 1, untold))).toEqual(["b"])
      expect(yield* queue.owner).toBe(DATABASE)
    }),
  )
}
