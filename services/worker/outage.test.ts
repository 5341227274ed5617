/** What the whole worker does when the database is away, broken or slow: it holds, and loses nothing. */
import { describe, expect } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { holdReason } from "./hold.ts"
import { DatabaseFaults } from "./testing/database-memory.ts"
import { away, conserved, deadlock, many, noLogin, running, slow, test } from "./testing/kit.ts"

const breakDatabase = Effect.fnUntraced(function* (error: typeof away | typeof noLogin | null) {
  const faults = yield* DatabaseFaults
  for (const call of ["write", "probe", "highestVersion"] as const)
    yield* faults.before(call, error)
})

describe("an outage of the database", () => {
  for (const error of [away, noLogin]) {
    test(
      `${error._tag} for an hour: the depth stays visible, nothing dies, then it drains`,
      Effect.gen(function* () {
        const { outside, onDatabase, onQueue, table, logged } = yield* running
        yield* outside.enqueue(many(25))
        yield* TestClock.adjust("1 second")
        yield* breakDatabase(error)
        yield* outside.enqueue(many(25))
        yield* TestClock.adjust("1 second")
        const statements = yield* onDatabase.count("write")
        const claims = yield* onQueue.count("claim")
        yield* TestClock.adjust("1 hour")
        expect(yield* conserved).toMatchObject({
          waiting: { length: 25 },
          inFlight: 0,
          processed: 25,
          failed: 0,
          dead: [],
          redelivered: 0,
          workers: { "worker-1": holdReason(error) },
        })
        // Held means held: one statement found it out, and none was tried since.
        expect(yield* onDatabase.count("write")).toBe(statements)
        expect(yield* onQueue.count("claim")).toBe(claims)
        expect(logged.filter(({ level }) => level === "error")).toMatchObject([
          { message: "writes are held", fields: { reason: holdReason(error) } },
        ])

        yield* breakDatabase(null)
        yield* TestClock.adjust("6100 millis")
        expect(yield* conserved).toMatchObject({
          waiting: [],
          processed: 50,
          workers: { "worker-1": "" },
        })
        expect(yield* table.read("key 24")).toBeDefined()
      }),
    )
  }

  test(
    "before the first batch: it holds without a claim, and seeds when it can",
    Effect.gen(function* () {
      yield* breakDatabase(away)
      const { outside } = yield* running
      yield* outside.enqueue(many(5))
      yield* TestClock.adjust("10 minutes")
      expect(yield* conserved).toMatchObject({ waiting: { length: 5 }, inFlight: 0 })
      yield* breakDatabase(null)
      yield* TestClock.adjust("7 seconds")
      expect(yield* conserved).toMatchObject({ waiting: [], processed: 5 })
    }),
  )

  test(
    "that fails batches and answers probes is no hot loop",
    Effect.gen(function* () {
      const { outside, onDatabase } = yield* running
      yield* onDatabase.before("write", away)
      yield* outside.enqueue(many(5))
      yield* TestClock.adjust("1 hour")
      expect(yield* onDatabase.count("write")).toBeLessThan(1_000)
      expect(yield* conserved).toMatchObject({ waiting: { length: 5 }, failed: 0 })
      yield* onDatabase.before("write", null)
      yield* TestClock.adjust("7 seconds")
      expect(yield* conserved).toMatchObject({ waiting: [], processed: 5 })
    }),
  )
})

describe("a batch that fails", () => {
  test(
    "is tried four times in about 7 s, then held, and tried again after a probe",
    Effect.gen(function* () {
      const { outside, onDatabase } = yield* running
      yield* onDatabase.before("write", deadlock)
      yield* onDatabase.before("probe", away)
      yield* outside.enqueue(many(5))
      yield* TestClock.adjust("5 seconds")
      expect(yield* conserved).toMatchObject({ inFlight: 5, redelivered: 0 })
      yield* TestClock.adjust("5 seconds")
      expect(yield* onDatabase.count("write")).toBe(4)
      expect(yield* conserved).toMatchObject({ inFlight: 0, waiting: { length: 5 }, failed: 0 })
      yield* TestClock.adjust("1 hour")
      expect(yield* onDatabase.count("write")).toBe(4)
      yield* onDatabase.before("probe", null)
      yield* onDatabase.before("write", null)
      yield* TestClock.adjust("7 seconds")
      expect(yield* conserved).toMatchObject({ processed: 5, redelivered: 0 })
    }),
  )

  test(
    "keeps its lease while it is retried for longer than that lasts",
    Effect.gen(function* () {
      const { outside, onDatabase } = yield* running
      yield* onDatabase.before("write", deadlock)
      yield* outside.enqueue(many(5))
      yield* TestClock.adjust("90 seconds")
      yield* onDatabase.before("write", null)
      yield* TestClock.adjust("100 seconds")
      expect(yield* conserved).toMatchObject({ processed: 5, redelivered: 0 })
    }),
    { MAX_RETRIES: 10 },
  )

  test(
    "because it is slow is claimed in smaller claims, and in full ones when it is not",
    Effect.gen(function* () {
      const { outside, onDatabase } = yield* running
      yield* onDatabase.onWrite((items) => (items.length > 40 ? slow : Effect.void))
      yield* outside.enqueue(many(1_000))
      yield* TestClock.adjust("1 minute")
      expect(yield* conserved).toMatchObject({ processed: 1_000, failed: 0 })
      // Each costs a statement timeout. Without the smaller claims there would be 5 × 7.
      const slowOnes = (yield* onDatabase.statements).filter(({ length }) => length > 40)
      expect(slowOnes.length).toBeLessThanOrEqual(15)

      yield* onDatabase.onWrite(null)
      yield* outside.enqueue(many(4_000))
      yield* TestClock.adjust("1 minute")
      expect(yield* conserved).toMatchObject({ processed: 5_000 })
      expect((yield* onDatabase.statements).some(({ length }) => length === 200)).toBe(true)
    }),
    { BATCH_MAX: 200 },
  )
})
