import { describe, expect } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { settle } from "./acknowledge.ts"
import { Hold, holdReason } from "./hold.ts"
import { DATABASE, DatabaseFaults } from "./testing/database-memory.ts"
import {
  away,
  conserved,
  EVENTS,
  events,
  keysOf,
  noReply,
  noTable,
  parkedOf,
  parts,
  testWith,
  writes,
} from "./testing/kit.ts"
import { Logged } from "./testing/worker-memory.ts"

const test = testWith({ LEASE_SECONDS: 9 })

/** A beating heart, and two writes claimed as batch "1". */
const beating = Effect.gen(function* () {
  const services = yield* parts
  yield* services.queue.seed(0, DATABASE)
  yield* services.outside.enqueue(writes("a", "b"))
  yield* services.queue.claim("1", 10, DATABASE)
  const heart = yield* Effect.forkChild(services.lease.beat, { startImmediately: true })
  return { ...services, heart }
})

describe("Lease", () => {
  test(
    "beats three times a lease, and keeps a batch for as long as it is used",
    Effect.gen(function* () {
      const { lease, outside, onQueue } = yield* beating
      const done = yield* Deferred.make<void>()
      const use = yield* Effect.forkChild(lease.keep("1", Deferred.await(done)))
      yield* TestClock.adjust("90 seconds")
      expect(yield* onQueue.count("heartbeat")).toBe(31)
      expect((yield* outside.snapshot).inFlight).toBe(2)

      yield* Deferred.succeed(done, undefined)
      yield* Fiber.join(use)
      yield* TestClock.adjust("12 seconds")
      expect(yield* outside.snapshot).toMatchObject({ inFlight: 0, redelivered: 2 })
    }),
  )

  test(
    "gives back a batch whose worker went silent, and says so",
    Effect.gen(function* () {
      const { queue, outside } = yield* beating
      yield* TestClock.adjust("8 seconds")
      expect((yield* outside.snapshot).inFlight).toBe(2)
      yield* TestClock.adjust("4 seconds")
      expect((yield* outside.snapshot).inFlight).toBe(0)
      expect(keysOf(yield* queue.claim("2", 10, DATABASE))).toEqual(["a", "b"])
      expect(yield* Logged).toMatchObject([
        { level: "warn", message: "a silent batch went back", fields: { batch: "1", writes: 2 } },
      ])
    }),
  )

  test(
    "says which of its own batches it has lost",
    Effect.gen(function* () {
      const { lease, queue, outside } = yield* beating
      yield* Effect.forkChild(lease.keep("1", Effect.never))
      yield* outside.expire("1")
      yield* queue.recover("1")
      yield* TestClock.adjust("3 seconds")
      expect(yield* Logged).toMatchObject([
        { level: "warn", message: "a lease was lost", fields: { batch: "1" } },
      ])
      expect(yield* outside.leaseLeft("1")).toBeNull()
    }),
  )

  test(
    "says nothing of a batch that was parked as a whole: it is over, and not lost",
    Effect.gen(function* () {
      const { lease, queue, outside, onDatabase, hold } = yield* beating
      yield* onDatabase.breakTable(EVENTS, noTable)
      yield* hold.enterTable(EVENTS, noTable)
      yield* outside.enqueue(events(3))
      const batch = yield* queue.claim("2", 10, DATABASE)
      if (batch) yield* lease.keep("2", settle(batch, "Full"))
      expect(yield* outside.leaseLeft("2")).toBeNull()
      yield* TestClock.adjust("6 seconds")
      const messages = (yield* Logged).map(({ message }) => message)
      expect(messages).toEqual(["writes are held"])
    }),
  )

  test(
    "puts back at once what is parked when its table may be written, and no heartbeat waits for it",
    Effect.gen(function* () {
      const { queue, outside, onDatabase, onQueue, hold } = yield* beating
      yield* onDatabase.breakTable(EVENTS, noTable)
      yield* hold.enterTable(EVENTS, noTable)
      yield* outside.enqueue(events(3))
      const batch = yield* queue.claim("2", 10, DATABASE)
      if (batch) yield* settle(batch, "Full")
      yield* TestClock.adjust("10 seconds")
      expect(parkedOf(yield* conserved)).toEqual({ [EVENTS.name]: 3 })

      // One that takes longer than a heartbeat is the only one of its worker.
      yield* onQueue.before("unpark", Effect.sleep("8 seconds"))
      yield* onDatabase.breakTable(EVENTS, null)
      yield* TestClock.adjust("5 seconds")
      const beats = yield* onQueue.count("heartbeat")
      yield* TestClock.adjust("7 seconds")
      expect(yield* onQueue.count("heartbeat")).toBeGreaterThanOrEqual(beats + 2)
      expect(yield* onQueue.count("unpark")).toBe(1)
      yield* TestClock.adjust("2 seconds")
      expect(yield* conserved).toMatchObject({ parked: {} })
    }),
  )

  test(
    "goes on after Redis was away, and has its batch if that was shorter than the lease",
    Effect.gen(function* () {
      const { lease, outside, onQueue, heart } = yield* beating
      yield* Effect.forkChild(lease.keep("1", Effect.never))
      yield* onQueue.before("heartbeat", noReply)
      yield* TestClock.adjust("7 seconds")
      yield* onQueue.before("heartbeat", null)
      yield* TestClock.adjust("2 seconds")
      expect(yield* outside.leaseLeft("1")).toBeGreaterThan(5_000)
      expect(heart.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 hour")
      expect(yield* outside.snapshot).toMatchObject({ inFlight: 2, redelivered: 0 })
    }),
  )

  test(
    "tells Redis at once why the worker holds, and that it holds no more",
    Effect.gen(function* () {
      const { outside } = yield* beating
      const hold = yield* Hold
      const database = yield* DatabaseFaults
      yield* TestClock.adjust("1 second")
      expect((yield* outside.snapshot).workers).toEqual({ "worker-1": "" })
      yield* database.before("probe", away)
      yield* hold.enter(away)
      yield* TestClock.adjust(1)
      expect((yield* outside.snapshot).workers).toEqual({
        "worker-1": holdReason(away),
      })
      yield* database.before("probe", null)
      const passed = yield* Effect.forkChild(Effect.andThen(hold.passed, outside.snapshot))
      yield* TestClock.adjust("2500 millis")
      yield* Fiber.join(passed)
      expect((yield* outside.snapshot).workers).toEqual({ "worker-1": "" })
    }),
  )
})
