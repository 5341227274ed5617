import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { describe, expect, test } from "vitest"
import { Queue } from "../queue.ts"
import { Shards } from "../shards.ts"
import { DATABASE } from "../testing/database-memory.ts"
import { conserved, many, running, test as testWorker, writes } from "../testing/kit.ts"
import { QueueFaults, QueueOutside } from "../testing/queue-memory.ts"
import { decide, nextWindow, type Rules, worthTaking } from "./window.ts"

const RULES: Rules = { BATCH_SIZE: 10, BATCH_TIMEOUT: 1, WORKER_POLL_INTERVAL: 0.1 }

describe("decide", () => {
  const look = (depth: number, oldestAge: number, newestAge: number) => ({
    depth,
    oldestAge,
    newestAge,
    asked: false,
    paused: false,
  })

  test.each([
    ["one write fewer than BATCH_SIZE", look(9, 0, 0), 0, 20],
    ["BATCH_SIZE writes", look(10, 0, 0), 0, "Full"],
    ["more than BATCH_SIZE", look(1_000, 5_000, 5_000), 5_000, "Full"],
    ["a millisecond before BATCH_TIMEOUT", look(2, 999, 0), 0, 1],
    ["BATCH_TIMEOUT after the first write", look(2, 1_000, 0), 0, "Elapsed"],
    ["BATCH_TIMEOUT by the worker's own clock", look(2, -7e6, -7e6), 1_000, "Elapsed"],
    ["a millisecond before WORKER_POLL_INTERVAL", look(2, 500, 99), 500, 1],
    ["WORKER_POLL_INTERVAL after the newest write", look(2, 500, 100), 500, "Quiet"],
    ["both at once: Elapsed is the stronger reason", look(1, 1_000, 1_000), 0, "Elapsed"],
    ["a clock set back: the newest counts as new", look(1, -7e6, -7e6), 0, 20],
    ["a write without a version: as very old", look(1, 86_400_000, 86_400_000), 0, "Elapsed"],
  ] as const)("%s", (_, seen, openFor, decision) => {
    expect(decide(RULES, seen, openFor)).toBe(decision)
  })

  test("a commit that somebody waits for closes at once, if it is not full already", () => {
    expect(decide(RULES, { ...look(1, 0, 0), asked: true }, 0)).toBe("Asked")
    expect(decide(RULES, { ...look(2, 1_000, 1_000), asked: true }, 0)).toBe("Asked")
    expect(decide(RULES, { ...look(10, 0, 0), asked: true }, 0)).toBe("Asked")
  })

  test("WORKER_POLL_INTERVAL 0 closes at once, and so does BATCH_TIMEOUT 0", () => {
    expect(decide({ ...RULES, WORKER_POLL_INTERVAL: 0 }, look(1, -5, -5), 0)).toBe("Quiet")
    expect(decide({ ...RULES, BATCH_TIMEOUT: 0 }, look(1, -5, -5), 0)).toBe("Elapsed")
  })

  test("BATCH_SIZE 1 is full with the first write", () => {
    expect(decide({ ...RULES, BATCH_SIZE: 1 }, look(1, 0, 0), 0)).toBe("Full")
  })
})

describe("nextWindow", () => {
  /** A window, waited for in the background; joined, it tells why and when it closed. */
  const opened = Effect.gen(function* () {
    const reason = yield* nextWindow
    return { reason, at: yield* Clock.currentTimeMillis }
  }).pipe(Effect.forkChild({ startImmediately: true }))

  testWorker(
    "closes at once when BATCH_SIZE writes wait",
    Effect.gen(function* () {
      yield* (yield* QueueOutside).enqueue(writes(..."0123456789"))
      expect(yield* Fiber.join(yield* opened)).toEqual({ reason: "Full", at: 0 })
    }),
  )

  testWorker(
    "closes within 20 ms of the write that fills it",
    Effect.gen(function* () {
      const outside = yield* QueueOutside
      const window = yield* opened
      yield* outside.enqueue(writes(..."012345678"))
      yield* TestClock.adjust(50)
      yield* outside.enqueue(writes("9"))
      yield* TestClock.adjust(1_000)
      expect(yield* Fiber.join(window)).toEqual({ reason: "Full", at: 60 })
    }),
  )

  testWorker(
    "closes BATCH_TIMEOUT after its first write when others keep coming",
    Effect.gen(function* () {
      const outside = yield* QueueOutside
      const window = yield* opened
      for (let i = 0; i < 8; i++) {
        yield* outside.enqueue(writes("a"))
        yield* TestClock.adjust(150)
      }
      expect(yield* Fiber.join(window)).toEqual({ reason: "Elapsed", at: 1_000 })
    }),
    { WORKER_POLL_INTERVAL: 0.2 },
  )

  testWorker(
    "closes WORKER_POLL_INTERVAL after its last write",
    Effect.gen(function* () {
      const outside = yield* QueueOutside
      const window = yield* opened
      yield* TestClock.adjust(3_000)
      yield* outside.enqueue(writes("a"))
      yield* TestClock.adjust(70)
      yield* outside.enqueue(writes("b"))
      yield* TestClock.adjust(1_000)
      expect(yield* Fiber.join(window)).toEqual({ reason: "Quiet", at: 3_170 })
    }),
  )

  testWorker(
    "closes at once with a write whose client waits for the commit, with all that wait before it",
    Effect.gen(function* () {
      const outside = yield* QueueOutside
      const window = yield* opened
      yield* outside.enqueue(writes("a"))
      yield* TestClock.adjust(30)
      yield* outside.enqueue(writes("b"), true)
      yield* TestClock.adjust(1_000)
      const { reason, at } = yield* Fiber.join(window)
      expect(reason).toBe("Asked")
      // It is looked at every 20 ms.
      expect(at).toBeLessThanOrEqual(50)
    }),
  )

  testWorker(
    "closes with its first write when WORKER_POLL_INTERVAL is 0",
    Effect.gen(function* () {
      const window = yield* opened
      yield* TestClock.adjust(1_234)
      yield* (yield* QueueOutside).enqueue(writes("a"))
      expect(yield* Fiber.join(window)).toEqual({ reason: "Quiet", at: 1_234 })
    }),
    { WORKER_POLL_INTERVAL: 0 },
  )

  testWorker(
    "opens anew when another worker has emptied the queue",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      yield* queue.seed(0, DATABASE)
      const window = yield* opened
      yield* outside.enqueue(writes("a"))
      yield* TestClock.adjust(90)
      yield* queue.claim("another", 10, DATABASE)
      yield* TestClock.adjust(60_000)
      yield* outside.enqueue(writes("b"))
      yield* TestClock.adjust(99)
      expect(window.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(window)).toEqual({ reason: "Quiet", at: 60_190 })
    }),
  )

  testWorker(
    "closes when Redis' clock was set back before it opened",
    Effect.gen(function* () {
      yield* TestClock.setTime(3_600_000)
      yield* (yield* QueueOutside).enqueue(writes("a"))
      yield* TestClock.setTime(0)
      const window = yield* opened
      yield* TestClock.adjust(2_000)
      expect(yield* Fiber.join(window)).toEqual({ reason: "Elapsed", at: 1_000 })
    }),
  )

  testWorker(
    "closes when the machine's clock is set back while it is open",
    Effect.gen(function* () {
      yield* TestClock.setTime(3_600_000)
      const window = yield* opened
      yield* (yield* QueueOutside).enqueue(writes("a"))
      yield* TestClock.adjust(50)
      yield* TestClock.setTime(0)
      // TestClock's sleepers sleep by wall time, so this one wakes after that hour at the earliest.
      yield* TestClock.adjust(3_600_070)
      expect((yield* Fiber.join(window)).reason).toBe("Elapsed")
    }),
  )

  testWorker(
    "does not open while the workers are paused, however much waits",
    Effect.gen(function* () {
      const outside = yield* QueueOutside
      yield* outside.enqueue(many(20))
      yield* outside.pause(true)
      const fiber = yield* Effect.forkChild(nextWindow)
      yield* TestClock.adjust("1 hour")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* outside.pause(false)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toBe("Full")
    }),
  )

  testWorker(
    "looks at an idle queue once in five seconds, and at nothing in between",
    Effect.gen(function* () {
      const faults = yield* QueueFaults
      const window = yield* opened
      yield* TestClock.adjust("1 minute")
      expect(yield* faults.count("look")).toBe(13)
      expect(yield* faults.count("waitForWrite")).toBe(13)
      yield* Fiber.interrupt(window)
    }),
  )
})

describe("worthTaking", () => {
  /** Another batch of writes while the last one pauses: how often the queue was looked at until it was claimed. */
  const looks = (count: number) =>
    Effect.gen(function* () {
      const { outside, onQueue } = yield* running
      const shards = yield* Shards
      for (let shard = 1; shard < count; shard++) yield* shards.serve(`shard-${shard}`, true)
      yield* TestClock.adjust("1 second")
      yield* outside.enqueue(many(50))
      yield* TestClock.adjust(1)
      expect(yield* conserved).toMatchObject({ processed: 50 })
      const before = yield* onQueue.count("look")
      yield* outside.enqueue(many(50, "other"))
      yield* TestClock.adjust(25 * count - 2)
      expect(yield* conserved).toMatchObject({ processed: 50 })
      const after = yield* onQueue.count("look")
      yield* TestClock.adjust(2)
      expect(yield* conserved).toMatchObject({ processed: 100 })
      return after - before
    })

  testWorker(
    "does not look at one of many shards again before the pause is over",
    Effect.gen(function* () {
      expect(yield* looks(30)).toBe(0)
    }),
  )

  testWorker(
    "takes what a client waits for beside a batch of the same shard that takes long",
    Effect.gen(function* () {
      yield* (yield* Shards).serve("shard-1", true)
      yield* (yield* QueueOutside).enqueue(writes("a"), true)
      const taking = yield* Effect.forkChild(worthTaking(Effect.succeed(true), Effect.never))
      yield* TestClock.adjust(79)
      expect(taking.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      yield* Fiber.join(taking)
    }),
  )
})
