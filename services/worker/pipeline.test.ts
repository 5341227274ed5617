import { describe, expect } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { refuse, reject } from "./testing/database-memory.ts"
import {
  conserved,
  deletion,
  drained,
  EVENTS,
  event,
  events,
  keyOf,
  many,
  noReply,
  noTable,
  parkedOf,
  running,
  tableReason,
  test,
  write,
  writes,
} from "./testing/kit.ts"
import { QueueOutside } from "./testing/queue-memory.ts"
import { Logged } from "./testing/worker-memory.ts"

describe("pipeline", () => {
  test(
    "moves writes from the queue to the table",
    Effect.gen(function* () {
      const { outside, table } = yield* running
      yield* outside.enqueue([write("a", "1"), write("b", "1"), write("a", "2")])
      yield* TestClock.adjust(110)
      expect((yield* table.read("a"))?.write).toEqual(write("a", "2"))
      expect((yield* table.read("b"))?.write).toEqual(write("b", "1"))
      expect(yield* conserved).toMatchObject({
        waiting: [],
        inFlight: 0,
        processed: 3,
        coalesced: 1,
      })
      expect(Object.keys((yield* outside.snapshot).workers)).toEqual(["worker-1"])
    }),
  )

  test(
    "takes a backlog in claims of BATCH_MAX, without waiting for windows",
    Effect.gen(function* () {
      yield* (yield* QueueOutside).enqueue(many(2_500))
      const { onDatabase } = yield* running
      expect(yield* drained).toMatchObject({ processed: 2_500, inFlight: 0 })
      const sizes = (yield* onDatabase.statements).map(({ length }) => length)
      expect(sizes).toEqual([1_000, 1_000, 500])
    }),
  )

  test(
    "lets writes gather for a while after a full window, but not after a claim of a backlog",
    Effect.gen(function* () {
      const { outside, onDatabase } = yield* running
      const sizes = Effect.map(onDatabase.statements, (all) => all.map(({ length }) => length))
      yield* outside.enqueue(many(50))
      yield* drained
      yield* outside.enqueue(many(30))
      yield* TestClock.adjust(24)
      yield* outside.enqueue(many(40))
      expect(yield* sizes).toEqual([50])
      yield* TestClock.adjust(1)
      expect(yield* sizes).toEqual([50, 40])
      yield* outside.enqueue(many(200))
      yield* TestClock.adjust(20)
      expect(yield* sizes).toEqual([50, 40, 100, 100])
    }),
    { BATCH_MAX: 100 },
  )

  test(
    "lets no client wait for others who gather, however many wait for their commits",
    Effect.gen(function* () {
      const { outside } = yield* running
      for (const processed of [50, 100]) {
        yield* outside.enqueue(many(50), true)
        expect(yield* drained).toMatchObject({ processed })
      }
    }),
  )

  test(
    "takes lone writes one after the other without a pause",
    Effect.gen(function* () {
      const { outside, onDatabase } = yield* running
      for (const value of ["1", "2", "3"]) {
        yield* outside.enqueue([write("a", value)])
        yield* drained
      }
      expect(yield* onDatabase.count("write")).toBe(3)
    }),
    { WORKER_POLL_INTERVAL: 0 },
  )

  test(
    "has WORKER_CONCURRENCY batches in flight and no more",
    Effect.gen(function* () {
      const { outside, onDatabase } = yield* running
      const latch = yield* Deferred.make<void>()
      yield* onDatabase.onWrite(() => Deferred.await(latch))
      yield* outside.enqueue(many(100))
      yield* TestClock.adjust("30 seconds")
      expect(yield* onDatabase.count("write")).toBe(3)
      expect(yield* conserved).toMatchObject({ inFlight: 30, redelivered: 0 })
      yield* Deferred.succeed(latch, undefined)
      expect(yield* drained).toMatchObject({ inFlight: 0, processed: 100 })
    }),
    { WORKER_CONCURRENCY: 3, BATCH_MAX: 10 },
  )

  test(
    "ends when its heartbeats end by a fault, and gives back what it has",
    Effect.gen(function* () {
      const { worker, outside, onQueue, onDatabase } = yield* running
      yield* onDatabase.onWrite(() => Effect.never)
      yield* outside.enqueue(many(20))
      yield* TestClock.adjust(1)
      expect(yield* conserved).toMatchObject({ inFlight: 20 })
      yield* onQueue.before("heartbeat", Effect.die("a fault"))
      yield* TestClock.adjust("1 minute")
      const exit = yield* Fiber.await(worker)
      expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true)
      expect(yield* conserved).toMatchObject({ inFlight: 0, waiting: { length: 20 } })
    }),
  )

  test(
    "stores the good writes beside bad ones, unreadable ones and what somebody else pushed",
    Effect.gen(function* () {
      const { outside, onDatabase, table } = yield* running
      yield* onDatabase.onWrite((items) =>
        items.some((item) => keyOf(item).startsWith("bad")) ? reject("23514") : Effect.void,
      )
      yield* outside.enqueue(writes("a", "bad 1", "b", "bad 2"))
      yield* outside.push("no JSON", '{"key":"pushed","value":"x"}')
      yield* TestClock.adjust("2 seconds")
      const { dead, ...counts } = yield* conserved
      expect(counts).toMatchObject({ queued: 6, processed: 3, failed: 3, inFlight: 0 })
      expect(dead.map((letter) => JSON.parse(letter).sqlstate)).toEqual([null, "23514", "23514"])
      for (const key of ["a", "b", "pushed"]) expect(yield* table.read(key)).toBeDefined()
    }),
  )
})

describe("pipeline with several tables", () => {
  test(
    "moves writes and deletions to the table of each",
    Effect.gen(function* () {
      const { outside, table } = yield* running
      yield* outside.enqueue([write("a", "1"), event(1), write("b", "1"), event(1), deletion("a")])
      yield* TestClock.adjust(110)
      expect(yield* table.read("a")).toBeUndefined()
      expect((yield* table.read("b"))?.write).toEqual(write("b", "1"))
      expect(yield* table.count(EVENTS)).toBe(2)
      expect(yield* conserved).toMatchObject({ processed: 5, coalesced: 1, waiting: [] })
    }),
  )

  test(
    "parks the writes of one that is missing for an hour while another flows, then drains them all",
    Effect.gen(function* () {
      const { outside, onDatabase, onQueue, table } = yield* running
      yield* onDatabase.breakTable(EVENTS, refuse("42P01"))
      for (let minute = 1; minute <= 60; minute++) {
        yield* outside.enqueue([...events(20, 20 * minute), ...many(10, `key ${minute}`)])
        yield* TestClock.adjust("1 second")
        const seen = yield* conserved
        expect(seen).toMatchObject({ processed: 10 * minute, waiting: [], inFlight: 0, failed: 0 })
        expect(parkedOf(seen)).toEqual({ [EVENTS.name]: 20 * minute })
        yield* TestClock.adjust("59 seconds")
        expect((yield* conserved).workers).toEqual({ "worker-1": tableReason(EVENTS, noTable) })
      }
      // One batch found it out, by its rows and by none; nothing was tried since, nor put back.
      const statements = yield* onDatabase.statements
      expect(statements.filter(({ length }) => length !== 10)).toHaveLength(2)
      expect(yield* onQueue.count("unpark")).toBe(0)

      yield* onDatabase.breakTable(EVENTS, null)
      yield* TestClock.adjust("6 seconds")
      expect(yield* conserved).toMatchObject({
        ...{ processed: 1_800, waiting: [], parked: {}, inFlight: 0, failed: 0, redelivered: 0 },
        workers: { "worker-1": "" },
      })
      expect(yield* table.count(EVENTS)).toBe(1_200)
      const warnings = (yield* Logged).filter(({ level }) => level === "warn")
      expect(warnings).toEqual([])
    }),
  )
})

describe("pipeline without Redis", () => {
  for (const call of ["look", "claim", "waitForWrite"] as const) {
    test(
      `waits and goes on when ${call} fails, asking less and less often`,
      Effect.gen(function* () {
        const { outside, onQueue, worker } = yield* running
        yield* onQueue.before(call, noReply)
        if (call !== "waitForWrite") yield* outside.enqueue(writes("a"))
        yield* TestClock.adjust("10 minutes")
        expect(worker.pollUnsafe()).toBeUndefined()
        const logged = yield* Logged
        expect(logged[0]).toMatchObject({ message: "no queue", fields: { reason: "no reply" } })
        // Each second in the end, and each time the claim is tried four times.
        expect(yield* onQueue.count(call)).toBeGreaterThan(500)
        expect(yield* onQueue.count(call)).toBeLessThan(4 * 800)
        yield* onQueue.before(call, null)
        yield* outside.enqueue(writes("b"))
        yield* TestClock.adjust("2 seconds")
        expect(yield* conserved).toMatchObject({ waiting: [], inFlight: 0 })
      }),
    )
  }

  test(
    "writes each batch once when claims and acknowledgements lose their replies",
    Effect.gen(function* () {
      const { outside, onQueue, onDatabase } = yield* running
      let calls = 0
      const everyOther = Effect.suspend(() => (calls++ % 2 === 0 ? noReply : Effect.void))
      yield* onQueue.after("claim", everyOther)
      yield* onQueue.after("acknowledge", everyOther)
      yield* outside.enqueue(many(50))
      yield* TestClock.adjust("30 seconds")
      expect(yield* conserved).toMatchObject({ processed: 50, inFlight: 0, redelivered: 0 })
      expect((yield* onDatabase.statements).flat()).toHaveLength(50)
    }),
    { BATCH_MAX: 10 },
  )
})
