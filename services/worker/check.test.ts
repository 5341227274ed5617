import { describe, expect } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { createTable } from "../../shared/table/create.ts"
import { sampleWrite } from "../../shared/table/sample.ts"
import { TableUnfit } from "../../shared/table/unfit.ts"
import { TABLES } from "../../shared/tables.ts"
import { DatabaseMisconfigured } from "./errors.ts"
import { away, conserved, drained, parts, running, test, writes } from "./testing/kit.ts"

const FINDINGS = [
  { sentence: "the table is missing", sql: createTable(TABLES.events) },
  { sentence: "the column at is missing", sql: "alter table add column" },
]

const unfit = new DatabaseMisconfigured({
  ...{ reason: "TABLE_UNFIT", sqlstate: null },
  cause: new TableUnfit(TABLES.events, FINDINGS),
})

/** From now on one of the tables is not as declared, for the check and for the probe. */
const breakEvents = Effect.gen(function* () {
  const { onDatabase } = yield* parts
  let checks = 0
  const second = Effect.suspend(() => {
    checks += 1
    return checks === Object.keys(TABLES).indexOf("events") + 1 ? unfit : Effect.void
  })
  yield* onDatabase.before("check", second)
  yield* onDatabase.before("probeTable", unfit)
})

describe("the check at start", () => {
  test(
    "holds a table that is not as declared: its writes wait, others flow, and none is buried",
    Effect.gen(function* () {
      yield* breakEvents
      const { hold, outside, onDatabase, table, logged } = yield* running
      yield* outside.enqueue([...writes("a"), sampleWrite(TABLES.events, 1)])
      yield* TestClock.adjust("10 seconds")
      expect(yield* table.read("a")).toBeDefined()
      expect(yield* conserved).toMatchObject({ parked: { events: [expect.anything()] }, failed: 0 })
      const reason = yield* hold.reason
      expect(reason.split("\n")).toEqual([
        expect.stringMatching(/^events: the table is missing: create table "events" \( "version"/),
        "events: the column at is missing: alter table add column; " +
          "nothing is lost; it goes on by itself after the repair",
      ])
      expect(logged.filter(({ level }) => level === "error")).toMatchObject([
        { level: "error", message: "writes are held", fields: { table: "events" } },
      ])

      yield* onDatabase.before("probeTable", null)
      yield* TestClock.adjust("10 seconds")
      yield* drained
      expect(yield* hold.reason).toBe("")
      expect(yield* conserved).toMatchObject({ parked: {}, processed: 2, failed: 0 })
    }),
  )

  test(
    "waits for the database, and no batch is claimed before it",
    Effect.gen(function* () {
      const { onDatabase } = yield* parts
      yield* onDatabase.before("check", away)
      yield* onDatabase.before("probe", away)
      const { hold, outside, onQueue, table } = yield* running
      yield* outside.enqueue(writes("a"))
      yield* TestClock.adjust("1 minute")
      expect(yield* hold.reason).toMatch(/^PostgreSQL is not running/)
      expect(yield* onQueue.count("claim")).toBe(0)
      yield* onDatabase.before("check", null)
      yield* onDatabase.before("probe", null)
      yield* TestClock.adjust("6 seconds")
      yield* drained
      expect(yield* table.read("a")).toBeDefined()
    }),
  )

  test(
    "keeps nothing from being written when PostgreSQL cannot say what a table is",
    Effect.gen(function* () {
      const { onDatabase } = yield* parts
      const refused = new DatabaseMisconfigured({ reason: "SQLSTATE 42883", sqlstate: "42883" })
      yield* onDatabase.before("check", refused)
      const { outside, table, logged } = yield* running
      yield* outside.enqueue(writes("a"))
      yield* TestClock.adjust("1 second")
      yield* drained
      expect(yield* table.read("a")).toBeDefined()
      expect(logged.filter(({ message }) => message === "table not checked")).toHaveLength(
        Object.keys(TABLES).length,
      )
    }),
  )
})
