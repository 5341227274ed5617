/** What becomes of the writes of a batch that this worker cannot write now. */
import { describe, expect } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { settle } from "./acknowledge.ts"
import { DATABASE } from "./testing/database-memory.ts"
import {
  conserved,
  deletion,
  EVENTS,
  event,
  events,
  noReply,
  noTable,
  parkedOf,
  parts,
  tableReason,
  test,
  write,
  writes,
} from "./testing/kit.ts"
import { Logged } from "./testing/worker-memory.ts"

/** Two rows and three events, claimed as batch "1". */
const claimed = Effect.gen(function* () {
  const services = yield* parts
  yield* services.queue.seed(0, DATABASE)
  yield* services.outside.enqueue([...writes("a"), ...events(2), ...writes("b"), ...events(1, 3)])
  const batch = yield* services.queue.claim("1", 10, DATABASE)
  if (!batch) throw new Error("nothing was claimed")
  return { ...services, batch }
})

describe("writes of a table on hold", () => {
  test(
    "are parked once its hold has begun, and the others of the batch acknowledged",
    Effect.gen(function* () {
      const { batch, onDatabase, onQueue, hold, outside } = yield* claimed
      yield* onDatabase.breakTable(EVENTS, noTable)
      let heldAtPark = ""
      yield* onQueue.before(
        "park",
        Effect.map(hold.reason, (reason) => {
          heldAtPark = reason
        }),
      )
      yield* settle(batch, "Full")
      expect(heldAtPark).toBe(tableReason(EVENTS, noTable))
      const seen = yield* conserved
      expect(seen).toMatchObject({ waiting: [], inFlight: 0, processed: 2, failed: 0, dead: [] })
      expect(parkedOf(seen)).toEqual({ [EVENTS.name]: 3 })
      expect(yield* outside.leaseLeft("1")).toBeNull()
    }),
  )

  test(
    "are parked without a statement while the hold lasts, and a batch of nothing else is over",
    Effect.gen(function* () {
      const { queue, onDatabase, onQueue, hold, outside } = yield* claimed
      yield* onDatabase.breakTable(EVENTS, noTable)
      yield* hold.enterTable(EVENTS, noTable)
      yield* outside.enqueue(events(4))
      const batch = yield* queue.claim("2", 10, DATABASE)
      if (batch) yield* settle(batch, "Full")
      expect(parkedOf(yield* conserved)).toEqual({ [EVENTS.name]: 4 })
      expect(yield* outside.leaseLeft("2")).toBeNull()
      expect(yield* onDatabase.count("write")).toBe(0)
      expect(yield* onQueue.count("acknowledge")).toBe(0)
    }),
  )

  test(
    "leave what is no write in the batch, which is acknowledged with its dead",
    Effect.gen(function* () {
      const { queue, outside, hold, onDatabase } = yield* parts
      yield* queue.seed(0, DATABASE)
      yield* outside.enqueue(events(2))
      yield* outside.push("no JSON")
      const batch = yield* queue.claim("1", 10, DATABASE)
      yield* onDatabase.breakTable(EVENTS, noTable)
      yield* hold.enterTable(EVENTS, noTable)
      if (batch) yield* settle(batch, "Full")
      const seen = yield* conserved
      expect(seen).toMatchObject({ failed: 1, processed: 0, inFlight: 0, dead: { length: 1 } })
      expect(parkedOf(seen)).toEqual({ [EVENTS.name]: 2 })
    }),
  )

  test(
    "are parked for each table that is held, deletions among them, and nothing is lost of a batch of two",
    Effect.gen(function* () {
      const { queue, outside, onDatabase, onQueue } = yield* parts
      yield* queue.seed(0, DATABASE)
      yield* outside.enqueue([write("a"), event(1), deletion("b"), event(2)])
      const batch = yield* queue.claim("1", 10, DATABASE)
      for (const table of [DEFAULT_TABLE, EVENTS]) yield* onDatabase.breakTable(table, noTable)
      if (batch) yield* settle(batch, "Full")
      const seen = yield* conserved
      expect(parkedOf(seen)).toEqual({ [DEFAULT_TABLE.name]: 2, [EVENTS.name]: 2 })
      expect(seen).toMatchObject({ inFlight: 0, processed: 0 })
      // Nothing is left to acknowledge, and nobody warns of it.
      expect(yield* onQueue.count("acknowledge")).toBe(0)
    }),
  )
})

describe("Redis while writes are parked", () => {
  for (const [when, prepare] of [
    ["before a statement", true],
    ["after one", false],
  ] as const) {
    test(
      `that stays away leaves the batch to its lease, ${when}, and redelivery loses and doubles nothing`,
      Effect.gen(function* () {
        const { batch, queue, hold, onDatabase, onQueue, table } = yield* claimed
        yield* onDatabase.breakTable(EVENTS, noTable)
        if (prepare) yield* hold.enterTable(EVENTS, noTable)
        yield* onQueue.before("park", noReply)
        const settling = yield* Effect.forkChild(settle(batch, "Full"))
        yield* TestClock.adjust("4 seconds")
        yield* Fiber.join(settling)
        expect(yield* conserved).toMatchObject({ inFlight: 5, parked: {} })
        expect((yield* Logged).map(({ message }) => message)).toContain(
          "a batch is left to its lease",
        )
        yield* TestClock.adjust("10 seconds")
        expect(yield* queue.recover("1")).toBe(5)
        yield* onQueue.before("park", null)
        const again = yield* queue.claim("2", 10, DATABASE)
        if (again) yield* settle(again, "Full")
        const seen = yield* conserved
        expect(seen).toMatchObject({ inFlight: 0, processed: 2, redelivered: 5, failed: 0 })
        expect(parkedOf(seen)).toEqual({ [EVENTS.name]: 3 })
        expect(yield* table.count(DEFAULT_TABLE)).toBe(2)
      }),
    )
  }

  test(
    "that loses replies is told again, and parks nothing twice",
    Effect.gen(function* () {
      const { batch, onDatabase, onQueue } = yield* claimed
      for (const table of [DEFAULT_TABLE, EVENTS]) yield* onDatabase.breakTable(table, noTable)
      let lost = 3
      yield* onQueue.after(
        "park",
        Effect.suspend(() => (lost-- > 0 ? noReply : Effect.void)),
      )
      const settling = yield* Effect.forkChild(settle(batch, "Full"))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(settling)
      const seen = yield* conserved
      expect(parkedOf(seen)).toEqual({ [DEFAULT_TABLE.name]: 2, [EVENTS.name]: 3 })
      expect(seen).toMatchObject({ inFlight: 0, redelivered: 0 })
    }),
  )

  test(
    "keeps a worker that is told to stop for two seconds and a wait, however many lots there are",
    Effect.gen(function* () {
      const { batch, onDatabase, onQueue } = yield* claimed
      for (const table of [DEFAULT_TABLE, EVENTS]) yield* onDatabase.breakTable(table, noTable)
      const parking = yield* Deferred.make<void>()
      // Of two lots the first is parked after one and a half seconds, and the second never.
      let parked = 0
      yield* onQueue.before(
        "park",
        Effect.gen(function* () {
          yield* Deferred.succeed(parking, undefined)
          const now = yield* Clock.currentTimeMillis
          if (now < 1_500 || parked > 0) yield* noReply
          parked += 1
        }),
      )
      const settling = yield* Effect.forkChild(settle(batch, "Full"))
      yield* Deferred.await(parking)
      const stopping = yield* Effect.forkChild(Fiber.interrupt(settling))
      yield* TestClock.adjust("1900 millis")
      expect(stopping.pollUnsafe()).toBeUndefined()
      // The last try is one wait later, of 1.2 s at most; the second lot's own would be later still.
      yield* TestClock.adjust("1400 millis")
      yield* Fiber.join(stopping)
      const seen = yield* conserved
      expect(parkedOf(seen)).toEqual({ [DEFAULT_TABLE.name]: 2 })
      expect(seen).toMatchObject({ inFlight: 3 })
    }),
  )
})
