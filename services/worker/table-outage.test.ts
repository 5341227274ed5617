/** What whole workers do when one table is missing or locked: its writes wait, and nothing else does. */
import { describe, expect } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { Tables } from "./check.ts"
import { ClaimSize } from "./claim/claim-size.ts"
import { Evidence } from "./evidence/evidence.ts"
import { Hold, holdReason } from "./hold.ts"
import { Lease } from "./lease.ts"
import { pipeline } from "./pipeline.ts"
import { Report } from "./report/report.ts"
import { Serving } from "./serving.ts"
import { Settings } from "./settings.ts"
import { Shards } from "./shards.ts"
import {
  conserved,
  EVENTS,
  events,
  locked,
  many,
  noTable,
  parkedOf,
  running,
  tableReason,
  test,
  write,
} from "./testing/kit.ts"

/** Another worker on the same queue and the same database, with holds and leases of its own. */
const layerAnother = Layer.mergeAll(Lease.layer, Report.layer, Tables.layer).pipe(
  Layer.provideMerge(Serving.layer("write_queue")),
  Layer.provideMerge(Layer.merge(Hold.layer, Evidence.layer)),
  Layer.provideMerge(Layer.merge(ClaimSize.layer, Shards.layer)),
  Layer.provideMerge(
    Layer.effect(
      Settings,
      Effect.map(Settings, (settings) => ({ ...settings, worker: "worker-2" })),
    ),
  ),
  Layer.fresh,
)

describe("a table", () => {
  test(
    "that is missing for an hour: its writes are parked, the depth stays visible, then it drains",
    Effect.gen(function* () {
      const { outside, onDatabase, onQueue, table, logged } = yield* running
      yield* outside.enqueue(many(25))
      yield* TestClock.adjust("1 second")
      yield* onDatabase.breakTable(DEFAULT_TABLE, noTable)
      yield* outside.enqueue(many(25))
      yield* TestClock.adjust("1 second")
      const statements = yield* onDatabase.count("write")
      const claims = yield* onQueue.count("claim")
      yield* TestClock.adjust("1 hour")
      const seen = yield* conserved
      expect(parkedOf(seen)).toEqual({ [DEFAULT_TABLE.name]: 25 })
      expect(seen).toMatchObject({
        ...{ waiting: [], inFlight: 0, processed: 25, failed: 0, dead: [], redelivered: 0 },
        workers: { "worker-1": tableReason(DEFAULT_TABLE, noTable) },
      })
      // Held means held: one statement found it out, and none was tried since.
      expect(yield* onDatabase.count("write")).toBe(statements)
      expect(yield* onQueue.count("claim")).toBe(claims)
      expect(logged.filter(({ level }) => level === "error")).toMatchObject([
        {
          message: "writes are held",
          fields: { table: DEFAULT_TABLE.name, reason: holdReason(noTable) },
        },
      ])

      yield* onDatabase.breakTable(DEFAULT_TABLE, null)
      yield* TestClock.adjust("6100 millis")
      expect(yield* conserved).toMatchObject({
        ...{ waiting: [], parked: {}, processed: 50 },
        workers: { "worker-1": "" },
      })
      expect(yield* table.read("key 24")).toBeDefined()
    }),
  )

  test(
    "whose rows are locked is tried again and again, in bounded work, and another flows",
    Effect.gen(function* () {
      const { outside, onDatabase, onQueue } = yield* running
      yield* onDatabase.onWrite((items, table) =>
        table === EVENTS && items.length > 0
          ? Effect.andThen(Effect.sleep("3 seconds"), locked)
          : Effect.void,
      )
      yield* outside.enqueue(events(5_000))
      yield* TestClock.adjust("1 minute")
      for (let second = 0; second < 600; second++) {
        yield* outside.enqueue([write(`key ${second}`)])
        yield* TestClock.adjust("1 second")
        yield* conserved
      }
      yield* TestClock.adjust("5 seconds")
      expect(yield* conserved).toMatchObject({ processed: 600, failed: 0, redelivered: 0 })
      // A round is a wait for the lock and one of the hold, together six seconds or more.
      const rounds = 660 / 6
      expect(yield* onQueue.count("unpark")).toBeLessThan(rounds)
      expect(yield* onQueue.count("park")).toBeLessThan(5 + 2 * rounds)
      yield* onDatabase.onWrite(null)
      yield* TestClock.adjust("20 seconds")
      expect(yield* conserved).toMatchObject({ processed: 5_600, parked: {}, waiting: [] })
    }),
  )

  test(
    "that is missing is found out by a worker that comes later, and then nothing is moved any more",
    Effect.gen(function* () {
      const { outside, onDatabase, onQueue, table } = yield* running
      yield* onDatabase.breakTable(EVENTS, noTable)
      yield* outside.enqueue(events(2_500))
      yield* TestClock.adjust("1 minute")
      expect(parkedOf(yield* conserved)).toEqual({ [EVENTS.name]: 2_500 })
      yield* Effect.forkChild(Effect.provide(pipeline, layerAnother), { startImmediately: true })
      for (let minute = 1; minute <= 30; minute++) {
        yield* outside.enqueue([...events(5, 10_000 * minute), write(`key ${minute}`)])
        yield* TestClock.adjust("1 minute")
        expect(yield* conserved).toMatchObject({ inFlight: 0, failed: 0, redelivered: 0 })
      }
      const seen = yield* conserved
      expect(parkedOf(seen)).toEqual({ [EVENTS.name]: 2_650 })
      expect(seen).toMatchObject({ processed: 30, waiting: [] })
      // Each finds it out once; until the other has, what one parks the other puts back.
      expect(yield* onQueue.count("unpark")).toBeLessThan(20)
      expect(yield* onDatabase.count("write")).toBeLessThan(30 + 2 * 2 * 4)

      yield* onDatabase.breakTable(EVENTS, null)
      yield* TestClock.adjust("20 seconds")
      expect(yield* conserved).toMatchObject({ processed: 2_680, parked: {}, waiting: [] })
      expect(yield* table.count(EVENTS)).toBe(2_650)
    }),
  )
})
