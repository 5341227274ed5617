/** What the whole worker does when it is told to stop. */
import { describe, expect } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import {
  away,
  conserved,
  EVENTS,
  events,
  noReply,
  noTable,
  parkedOf,
  running,
  test,
  writes,
} from "./testing/kit.ts"

/** One batch that is being written until the latch opens, and one write in a half-open window. */
const writing = Effect.gen(function* () {
  const services = yield* running
  const latch = yield* Deferred.make<void>()
  yield* services.onDatabase.onWrite(() => Deferred.await(latch))
  yield* services.outside.enqueue(writes("a", "b"))
  yield* TestClock.adjust("1 second")
  yield* services.outside.enqueue(writes("c"))
  yield* TestClock.adjust(50)
  expect(yield* conserved).toMatchObject({ inFlight: 2, waiting: { length: 1 } })
  return { ...services, latch }
})

describe("a worker that is told to stop", () => {
  test(
    "takes nothing of a window that is half open",
    Effect.gen(function* () {
      const { worker, outside, onQueue } = yield* running
      yield* outside.enqueue(writes("a"))
      yield* TestClock.adjust(50)
      yield* Fiber.interrupt(worker)
      yield* TestClock.adjust("1 minute")
      expect(yield* onQueue.count("claim")).toBe(0)
      expect(yield* conserved).toMatchObject({ waiting: { length: 1 }, inFlight: 0, workers: {} })
    }),
  )

  test(
    "stops at once while nothing waits, and is not seen any more",
    Effect.gen(function* () {
      const { worker, outside } = yield* running
      yield* TestClock.adjust("8 seconds")
      expect(Object.keys((yield* outside.snapshot).workers)).toEqual(["worker-1"])
      yield* Fiber.interrupt(worker)
      expect((yield* outside.snapshot).workers).toEqual({})
    }),
  )

  test(
    "finishes and acknowledges the batch that is being written",
    Effect.gen(function* () {
      const { worker, latch } = yield* writing
      const stopping = yield* Effect.forkChild(Fiber.interrupt(worker))
      yield* TestClock.adjust("5 seconds")
      expect(stopping.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(stopping)
      expect(yield* conserved).toMatchObject({
        processed: 2,
        inFlight: 0,
        waiting: { length: 1 },
        workers: {},
      })
    }),
  )

  test(
    "gives the batch back when it is not written within 6 s",
    Effect.gen(function* () {
      const { worker } = yield* writing
      const stopping = yield* Effect.forkChild(Fiber.interrupt(worker))
      yield* TestClock.adjust("5900 millis")
      expect(stopping.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(stopping)
      expect(yield* conserved).toMatchObject({
        processed: 0,
        inFlight: 0,
        waiting: { length: 3 },
        redelivered: 0,
        workers: {},
      })
    }),
  )

  test(
    "acknowledges what is written, also when that takes longer than 6 s",
    Effect.gen(function* () {
      const { worker, outside, onQueue } = yield* running
      const latch = yield* Deferred.make<void>()
      yield* onQueue.before("acknowledge", Deferred.await(latch))
      yield* outside.enqueue(writes("a", "b"))
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkChild(Fiber.interrupt(worker))
      yield* TestClock.adjust("8 seconds")
      expect(stopping.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(stopping)
      expect(yield* conserved).toMatchObject({ processed: 2, inFlight: 0 })
    }),
  )

  test(
    "keeps its leases while it finishes",
    Effect.gen(function* () {
      const { worker, outside, latch, onQueue } = yield* writing
      const before = yield* onQueue.count("heartbeat")
      const stopping = yield* Effect.forkChild(Fiber.interrupt(worker))
      yield* TestClock.adjust("5 seconds")
      expect(yield* onQueue.count("heartbeat")).toBeGreaterThan(before)
      expect(Object.keys((yield* outside.snapshot).workers)).toEqual(["worker-1"])
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(stopping)
    }),
  )

  test(
    "leaves parked writes where they are, and the next worker writes them",
    Effect.gen(function* () {
      const { worker, outside, onDatabase, table } = yield* running
      yield* onDatabase.breakTable(EVENTS, noTable)
      yield* outside.enqueue([...writes("a"), ...events(3)])
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(worker)
      const seen = yield* conserved
      expect(seen).toMatchObject({ processed: 1, inFlight: 0, waiting: [], workers: {} })
      expect(parkedOf(seen)).toEqual({ [EVENTS.name]: 3 })

      yield* onDatabase.breakTable(EVENTS, null)
      yield* TestClock.adjust("1 minute")
      yield* running
      yield* TestClock.adjust("1 second")
      expect(yield* conserved).toMatchObject({ processed: 4, parked: {}, redelivered: 0 })
      expect(yield* table.count(EVENTS)).toBe(3)
    }),
  )

  test(
    "parks what it is parking, and gives the rest of the batch back",
    Effect.gen(function* () {
      const { worker, outside, onDatabase, onQueue, hold } = yield* running
      yield* onDatabase.breakTable(EVENTS, noTable)
      yield* hold.enterTable(EVENTS, noTable)
      yield* onDatabase.onWrite(() => Effect.never)
      const latch = yield* Deferred.make<void>()
      yield* onQueue.before("park", Deferred.await(latch))
      yield* outside.enqueue([...writes("a"), ...events(3)])
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkChild(Fiber.interrupt(worker))
      yield* TestClock.adjust("7 seconds")
      expect(stopping.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(stopping)
      const seen = yield* conserved
      expect(seen).toMatchObject({ processed: 0, inFlight: 0, waiting: { length: 1 } })
      expect(parkedOf(seen)).toEqual({ [EVENTS.name]: 3 })
    }),
  )

  test(
    "stops within 6 s while the database is away, and while Redis is",
    Effect.gen(function* () {
      const { worker, outside, onDatabase, onQueue } = yield* running
      yield* onDatabase.before("write", away)
      yield* onDatabase.before("probe", away)
      yield* outside.enqueue(writes("a"))
      yield* TestClock.adjust("1 minute")
      for (const call of ["look", "waitForWrite", "heartbeat", "leave"] as const) {
        yield* onQueue.before(call, noReply)
      }
      const stopping = yield* Effect.forkChild(Fiber.interrupt(worker))
      yield* TestClock.adjust("6 seconds")
      yield* Fiber.join(stopping)
      expect(yield* conserved).toMatchObject({ waiting: { length: 1 }, inFlight: 0 })
    }),
  )
})
