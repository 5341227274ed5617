/** The hold of one table, beside the database's and those of other tables. */
import { describe, expect } from "@effect/vitest"
import { Effect, Fiber, Metric } from "effect"
import { format } from "effect/observability/PrometheusMetrics"
import { TestClock } from "effect/testing"
import { DEFAULT_TABLE, makeItem } from "../../shared/item.ts"
import { BatchFailed } from "./errors.ts"
import { holdReason } from "./hold.ts"
import { refuse } from "./testing/database-memory.ts"
import {
  away,
  EVENTS,
  event,
  locked,
  noTable,
  parts,
  slow,
  tableReason,
  test,
} from "./testing/kit.ts"
import { Logged } from "./testing/worker-memory.ts"

const late = new BatchFailed({ reason: "batch deadline passed", sqlstate: null })

/** A hold of `events`, which stays for as long as its table is broken. */
const held = Effect.gen(function* () {
  const services = yield* parts
  yield* services.onDatabase.breakTable(EVENTS, noTable)
  yield* services.hold.enterTable(EVENTS, noTable)
  return { ...services, mend: services.onDatabase.breakTable(EVENTS, null) }
})

describe("the hold of a table", () => {
  test(
    "holds that table alone, and ends with a probe of it that succeeds",
    Effect.gen(function* () {
      const { hold, onDatabase, mend } = yield* held
      yield* TestClock.adjust("1 hour")
      yield* hold.passed
      expect(yield* hold.stateOf(EVENTS)).toBe("held")
      expect(yield* hold.stateOf(DEFAULT_TABLE)).toBe("open")
      expect(yield* hold.reason).toBe(tableReason(EVENTS, noTable))
      expect(yield* onDatabase.count("probe")).toBe(0)
      const probes = yield* onDatabase.count("probeTable")
      expect(probes).toBeGreaterThanOrEqual(3_600 / 4.8)
      expect(probes).toBeLessThanOrEqual(3_600 / 3.2 + 10)

      yield* mend
      yield* TestClock.adjust("5 seconds")
      expect(yield* hold.stateOf(EVENTS)).toBe("open")
      expect(yield* hold.reason).toBe("")
    }),
  )

  test(
    "says why in a line of its own, after the database's, and names the table in the log",
    Effect.gen(function* () {
      const { hold, onDatabase } = yield* held
      yield* onDatabase.breakTable(DEFAULT_TABLE, noTable)
      yield* hold.enterTable(DEFAULT_TABLE, noTable)
      yield* onDatabase.before("probe", away)
      yield* hold.enter(away)
      expect((yield* hold.reason).split("\n")).toEqual([
        holdReason(away),
        tableReason(DEFAULT_TABLE, noTable),
        tableReason(EVENTS, noTable),
      ])
      expect((yield* Logged).map(({ fields }) => fields.table)).toEqual([
        EVENTS.name,
        DEFAULT_TABLE.name,
        undefined,
      ])
    }),
  )

  test(
    "is one probe at a time, however many batches enter it, and begins with short waits after a success",
    Effect.gen(function* () {
      const { hold, onDatabase, mend } = yield* held
      yield* hold.enterTable(EVENTS, noTable)
      yield* TestClock.adjust("130 millis")
      expect(yield* onDatabase.count("probeTable")).toBe(1)
      yield* TestClock.adjust("1 minute")
      yield* mend
      yield* TestClock.adjust("5 seconds")
      const probes = yield* onDatabase.count("probeTable")
      // Rows of another table say nothing of this one.
      yield* hold.settled([DEFAULT_TABLE])
      yield* hold.enterTable(EVENTS, noTable)
      yield* TestClock.adjust("3 seconds")
      expect(yield* onDatabase.count("probeTable")).toBe(probes)
      yield* TestClock.adjust("2 seconds")
      yield* hold.settled([EVENTS])
      yield* hold.enterTable(EVENTS, noTable)
      yield* TestClock.adjust("130 millis")
      expect(yield* onDatabase.count("probeTable")).toBe(probes + 2)
    }),
  )

  for (const error of [refuse("P0001"), locked, slow, late]) {
    test(
      `that a probe says nothing about is tried, until a row of the table is stored (${error.reason})`,
      Effect.gen(function* () {
        const { hold } = yield* parts
        yield* hold.enterTable(EVENTS, error)
        expect(yield* hold.stateOf(EVENTS)).toBe("held")
        yield* TestClock.adjust("1 hour")
        expect(yield* hold.stateOf(EVENTS)).toBe("tried")
        expect(yield* hold.reason).toBe(tableReason(EVENTS, error))
        yield* hold.settled([DEFAULT_TABLE])
        expect(yield* hold.stateOf(EVENTS)).toBe("tried")
        yield* hold.settled([EVENTS])
        expect(yield* hold.stateOf(EVENTS)).toBe("open")
        expect(yield* hold.reason).toBe("")
        const said = (yield* Logged).map(({ message }) => message)
        expect(said).toEqual(["writes are held", "writes flow again"])
      }),
    )
  }

  test(
    "is over when a probe found what the next one does not: a lock on the table, not on its rows",
    Effect.gen(function* () {
      const { hold, onDatabase } = yield* parts
      yield* onDatabase.breakTable(EVENTS, locked)
      yield* hold.enterTable(EVENTS, locked)
      yield* TestClock.adjust("1 minute")
      expect(yield* hold.stateOf(EVENTS)).toBe("held")
      yield* onDatabase.breakTable(EVENTS, null)
      yield* TestClock.adjust("5 seconds")
      expect(yield* hold.stateOf(EVENTS)).toBe("open")
    }),
  )

  test(
    "is heard of when it begins, and when the table is tried, though the reason is the same",
    Effect.gen(function* () {
      const { hold } = yield* parts
      const changed = yield* hold.changes
      yield* hold.enterTable(EVENTS, locked)
      yield* changed
      const changing = yield* Effect.forkChild(changed)
      yield* TestClock.adjust("50 millis")
      expect(changing.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(changing)
      expect(yield* hold.stateOf(EVENTS)).toBe("tried")
    }),
  )

  test(
    "is in the gauge until the last one has ended",
    Effect.gen(function* () {
      const { hold, onDatabase, mend } = yield* held
      const gauge = Effect.map(format(), (text) => /_held (\d)/.exec(text)?.[1])
      yield* onDatabase.breakTable(DEFAULT_TABLE, noTable)
      yield* hold.enterTable(DEFAULT_TABLE, noTable)
      yield* mend
      yield* TestClock.adjust("5 seconds")
      expect(yield* gauge).toBe("1")
      yield* onDatabase.breakTable(DEFAULT_TABLE, null)
      yield* TestClock.adjust("5 seconds")
      expect(yield* gauge).toBe("0")
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
  )
})

describe("a table that is only tried, of which nothing is parked", () => {
  /** Another worker has stored what this one was refused; a row of that is in the table, or none is. */
  const tried = Effect.fnUntraced(function* (rows: number) {
    const services = yield* parts
    const stored = Array.from({ length: rows }, (_, i) => makeItem(i + 1, event(i)))
    yield* services.database.write(EVENTS, stored)
    yield* services.hold.enterTable(EVENTS, refuse("P0001"))
    yield* TestClock.adjust("1 second")
    expect(yield* services.hold.stateOf(EVENTS)).toBe("tried")
    return services
  })

  test(
    "is open again when it takes a row that it has taken before",
    Effect.gen(function* () {
      const { hold } = yield* tried(1)
      yield* hold.review([DEFAULT_TABLE])
      expect(yield* hold.stateOf(EVENTS)).toBe("tried")
      yield* hold.review([EVENTS])
      expect(yield* hold.stateOf(EVENTS)).toBe("open")
    }),
  )

  test(
    "stays tried while it refuses that, and while there is no row to ask with",
    Effect.gen(function* () {
      const { hold, onDatabase, database } = yield* tried(0)
      yield* hold.review([EVENTS])
      expect(yield* hold.stateOf(EVENTS)).toBe("tried")
      yield* database.write(EVENTS, [makeItem(1, event(1))])
      yield* onDatabase.onWrite(() => refuse("P0001"))
      yield* hold.review([EVENTS])
      expect(yield* hold.stateOf(EVENTS)).toBe("tried")
    }),
  )

  test(
    "is the only one that is asked",
    Effect.gen(function* () {
      const { hold, onDatabase } = yield* held
      yield* hold.review([DEFAULT_TABLE, EVENTS])
      expect(yield* onDatabase.count("rehearse")).toBe(0)
      expect(yield* hold.stateOf(EVENTS)).toBe("held")
    }),
  )
})
