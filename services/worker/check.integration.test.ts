import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { TableUnfit } from "../../shared/table/unfit.ts"
import { TABLES } from "../../shared/tables.ts"
import { Database } from "./database.ts"
import { holdReason } from "./hold.ts"
import { Postgres, useDatabase } from "./testing/postgres.ts"

const { events } = TABLES

layer(useDatabase().layer)("a table in PostgreSQL", (it) => {
  it.effect("is checked before it is written, and the hold says what mends it", () =>
    Effect.gen(function* () {
      const database = yield* Database
      const postgres = yield* Postgres
      const run = (sql: string) => Effect.promise(() => postgres.sql(sql))
      expect(yield* database.check(events)).toBe(true)
      yield* database.probeTable(events)

      yield* run("alter table events alter column at type timestamp")
      for (const call of [database.check(events), database.probeTable(events)]) {
        const error = yield* Effect.flip(call)
        expect(error).toMatchObject({ _tag: "DatabaseMisconfigured", reason: "TABLE_UNFIT" })
        expect(error.cause).toBeInstanceOf(TableUnfit)
        expect(holdReason(error)).toBe(
          "the column at is timestamp without time zone, not timestamptz: " +
            'alter table "events" alter column "at" type timestamptz ' +
            "using \"at\"::timestamp at time zone 'UTC'; " +
            "nothing is lost; it goes on by itself after the repair",
        )
      }
      expect(yield* database.check(TABLES.key_values)).toBe(true)
      yield* run("alter table events alter column at type timestamptz")
      yield* database.probeTable(events)
    }),
  )
})
