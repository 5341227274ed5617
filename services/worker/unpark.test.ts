/** How parked writes come back, and which of them wait for another worker. */
import { describe, expect } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { TRACED } from "../../shared/table/table.ts"
import type { Write } from "../../shared/write.ts"
import { UNPARK_MAX, unpark } from "./park.ts"
import { DATABASE, refuse } from "./testing/database-memory.ts"
import {
  conserved,
  EVENTS,
  event,
  events,
  locked,
  many,
  noTable,
  parkedOf,
  parts,
  running,
  slow,
  test,
  testWith,
} from "./testing/kit.ts"
import { Logged } from "./testing/worker-memory.ts"

/** So many events in their lot, and nothing else. */
const parked = Effect.fnUntraced(function* (count: number) {
  const services = yield* parts
  yield* services.queue.seed(0, DATABASE)
  yield* services.outside.enqueue(events(count))
  const batch = yield* services.queue.claim("1", count, DATABASE)
  const versions = batch?.items.map(({ version }) => version) ?? []
  yield* services.queue.park("1", EVENTS.name, versions)
  expect(parkedOf(yield* conserved)).toEqual({ [EVENTS.name]: count })
  return services
})

describe("parked writes", () => {
  test(
    "come back, all of them, when their table may be written, and none while it is held",
    Effect.gen(function* () {
      const { hold, onDatabase, onQueue } = yield* parked(2 * UNPARK_MAX + 500)
      yield* onDatabase.breakTable(EVENTS, noTable)
      yield* hold.enterTable(EVENTS, noTable)
      yield* unpark([EVENTS.name])
      expect(yield* onQueue.count("unpark")).toBe(0)
      yield* onDatabase.breakTable(EVENTS, null)
      yield* TestClock.adjust("6 seconds")
      yield* unpark([EVENTS.name])
      expect(yield* onQueue.count("unpark")).toBe(3)
      expect(yield* conserved).toMatchObject({ parked: {}, waiting: { length: 2_500 } })
    }),
  )

  for (const error of [refuse("P0001"), locked, slow]) {
    test(
      `come back a few at a time while it is only tried, as no probe tells (${error.sqlstate})`,
      Effect.gen(function* () {
        const { hold, onQueue } = yield* parked(2 * UNPARK_MAX + 500)
        yield* hold.enterTable(EVENTS, error)
        yield* TestClock.adjust("1 second")
        expect(yield* hold.stateOf(EVENTS)).toBe("tried")
        yield* unpark([EVENTS.name])
        expect(yield* onQueue.count("unpark")).toBe(1)
        expect(parkedOf(yield* conserved)).toEqual({ [EVENTS.name]: UNPARK_MAX + 500 })
        yield* hold.settled([EVENTS])
        yield* unpark([EVENTS.name])
        expect(parkedOf(yield* conserved)).toEqual({})
      }),
    )
  }

  test(
    "that another worker has written hold nobody any more, when the table takes rows again",
    Effect.gen(function* () {
      const { hold, queue, database, onDatabase } = yield* parked(3)
      yield* hold.enterTable(EVENTS, refuse("P0001"))
      yield* TestClock.adjust("1 second")
      yield* unpark([EVENTS.name])
      // They may be refused again: nobody asks the table before somebody has tried.
      expect(yield* onDatabase.count("rehearse")).toBe(0)
      const batch = yield* queue.claim("of another", 10, DATABASE)
      yield* database.write(EVENTS, batch?.items ?? [])
      yield* queue.acknowledge("of another", "Full", 0, [])
      expect(yield* hold.stateOf(EVENTS)).toBe("tried")
      yield* unpark([])
      expect(yield* onDatabase.count("rehearse")).toBe(1)
      expect(yield* hold.stateOf(EVENTS)).toBe("open")
      expect(yield* hold.reason).toBe("")
    }),
  )

  test(
    "stop coming back when their table is held again meanwhile",
    Effect.gen(function* () {
      const { hold, onQueue, onDatabase } = yield* parked(3 * UNPARK_MAX)
      yield* onDatabase.breakTable(EVENTS, noTable)
      yield* onQueue.after("unpark", hold.enterTable(EVENTS, noTable))
      yield* unpark([EVENTS.name])
      expect(parkedOf(yield* conserved)).toEqual({ [EVENTS.name]: 2 * UNPARK_MAX })
    }),
  )
})

/** A write of a build that has a table, or a column of `events`, which this one has not. */
const newer = (table: string, number: number): Write => ({
  ...{ table: { ...EVENTS, name: table }, isDelete: false },
  row: { ...event(number).row, ...(table === EVENTS.name && { note: "x" }) },
})

describe("writes of a newer build", () => {
  const test = testWith({ LEASE_SECONDS: 9 })

  test(
    "wait for a worker that knows them, neither written nor buried, and others flow",
    Effect.gen(function* () {
      const { outside, onDatabase, onQueue } = yield* running
      yield* outside.enqueue([
        ...many(3),
        newer("orders_in_tests", 1),
        newer(EVENTS.name, 2),
        event(3),
      ])
      yield* TestClock.adjust("1 hour")
      const seen = yield* conserved
      expect(seen).toMatchObject({ waiting: [], inFlight: 0, processed: 4, failed: 0 })
      expect(parkedOf(seen)).toEqual({ orders_in_tests: 1, [`${EVENTS.name}.note`]: 1 })
      expect(seen.workers).toEqual({ "worker-1": "" })
      expect(yield* onDatabase.count("write")).toBe(2)
      expect(yield* onQueue.count("unpark")).toBe(0)
      expect(yield* Logged).toEqual([
        expect.objectContaining({ level: "info", message: "batches written" }),
      ])
    }),
  )

  // The last is of writes that carry a trace, parked by a worker of before there were traces.
  for (const lot of [EVENTS.name, `${EVENTS.name}.type`, TRACED]) {
    test(
      `are put back and written by a worker that knows ${lot}`,
      Effect.gen(function* () {
        const { queue, outside } = yield* parts
        yield* queue.seed(0, DATABASE)
        yield* outside.enqueue(events(3))
        const batch = yield* queue.claim("1", 10, DATABASE)
        yield* queue.park("1", lot, batch?.items.map(({ version }) => version) ?? [])
        const { table } = yield* running
        yield* TestClock.adjust("200 millis")
        expect(yield* conserved).toMatchObject({ parked: {}, processed: 3, inFlight: 0 })
        expect(yield* table.count(EVENTS)).toBe(3)
      }),
    )
  }

  test(
    "of names that every object has are unknown as well",
    Effect.gen(function* () {
      const { outside, onQueue } = yield* running
      yield* outside.enqueue([newer("constructor", 1), newer("toString", 2)])
      yield* TestClock.adjust("1 minute")
      expect(parkedOf(yield* conserved)).toEqual({ constructor: 1, toString: 1 })
      expect(yield* onQueue.count("unpark")).toBe(0)
    }),
  )
})
