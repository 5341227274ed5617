/** The rule of evidence on PostgreSQL, as a role that policies and rights apply to. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HIDE_TABLE, onEachRow, SHOW_TABLE, TABLE } from "../../../shared/testing/table.ts"
import { ClaimSize } from "../claim-size.ts"
import { layerPostgres } from "../database.ts"
import { persist } from "../persist.ts"
import { batchOf, deadOf, item } from "../testing/kit.ts"
import { Postgres, useDatabase } from "../testing/postgres.ts"
import { layerSettings } from "../testing/worker-memory.ts"
import { Breaking, evidenceSuite, type RowCode } from "./evidence.suite.ts"
import { Evidence } from "./evidence.ts"

const { layer: layerStore } = useDatabase({ own: true })

const RAISE: Readonly<Record<Exclude<RowCode, "42501">, string>> = {
  P0001: "raise exception 'refused: %', new.value",
  U0001: "raise exception 'refused: %', new.value using errcode = 'U0001'",
  "42883": "perform missing(new.value)",
  "42P01": "insert into missing values (new.value)",
  "3F000": "perform missing.missing(new.value)",
}

const MEND = [
  "drop function if exists guard cascade",
  "drop function if exists guard_2 cascade",
  `drop policy if exists guard on ${TABLE}`,
  `alter table ${TABLE} disable row level security`,
  `grant select, insert, update on ${TABLE} to writer`,
]

const layerBreaking = Layer.effect(
  Breaking,
  Effect.gen(function* () {
    const { sql } = yield* Postgres
    const run = (...statements: ReadonlyArray<string>) =>
      Effect.promise(async () => {
        for (const statement of statements) await sql(statement)
      })
    let undo: ReadonlyArray<string> = []
    let triggers = 0
    yield* run(
      "do $$ begin create role writer login password 'writer'; exception when duplicate_object then end $$",
      ...MEND,
    )
    return Breaking.of({
      rows: (code, value) => {
        if (code === "42501") {
          const check = value === null ? "false" : `value <> '${value}'`
          return run(
            `alter table ${TABLE} enable row level security`,
            `create policy guard on ${TABLE} to writer using (true) with check (${check})`,
          )
        }
        const name = triggers++ === 0 ? "guard" : "guard_2"
        const condition = value === null ? "true" : `new.value = '${value}'`
        return run(onEachRow(name, `if ${condition} then ${RAISE[code]}; end if`))
      },
      changes: run(onEachRow("guard", RAISE.P0001, "after insert or update")),
      table: (code) => {
        const [breaking, ...mending] = {
          "42P01": [HIDE_TABLE, SHOW_TABLE],
          "42501": [`revoke insert on ${TABLE} from writer`],
          "42703": [
            `alter table ${TABLE} rename value to content`,
            `alter table ${TABLE} rename content to value`,
          ],
        }[code]
        undo = mending
        return run(breaking as string)
      },
      mend: Effect.suspend(() => run(...undo, ...MEND)),
    })
  }),
)

/** The worker's own part, on the table that the store has made for this test. */
const layerWriter = Layer.unwrap(
  Effect.map(Postgres, ({ url }) =>
    Layer.mergeAll(Evidence.layer, ClaimSize.layer).pipe(
      Layer.provideMerge(Layer.fresh(layerPostgres)),
      Layer.provideMerge(
        layerSettings({
          DATABASE_URL: url.replace(/\/\/[^@]*@/, "//writer:writer@"),
          RETRY_DELAY: 0.01,
        }),
      ),
    ),
  ),
)

const layer = Layer.suspend(() =>
  layerWriter.pipe(Layer.provideMerge(layerBreaking), Layer.provideMerge(layerStore)),
)

describe("evidence on PostgreSQL", () => {
  evidenceSuite({
    test: (sentence, effect) => it.live(sentence, () => Effect.provide(effect, layer)),
  })

  it.live("a dead letter names the trigger's function, and never quotes what it raised", () =>
    Effect.gen(function* () {
      const { rows } = yield* Breaking
      yield* rows("P0001", "secret")
      const [letter] = deadOf(yield* persist(batchOf(item("a", 1), item("b", 2, "secret"))))
      expect(letter.reason).toBe("is refused by the function guard (SQLSTATE P0001)")
    }).pipe(Effect.provide(layer)),
  )

  it.live("dead letters name the constraints, columns and tables of the schema", () =>
    Effect.gen(function* () {
      const { sql } = yield* Postgres
      yield* Effect.promise(() =>
        sql(`
          alter table ${TABLE}
            add constraint no_markup check (value not like '<%'),
            add constraint once unique (value),
            add part int generated always as (nullif(length(value), 7)) stored not null;
          create index by_value on ${TABLE} (lower(value))`),
      )
      const long = Array.from({ length: 5_000 }, (_, i) => (i * 7_919).toString(36)).join("")
      const values = ["<b>", "twice", "twice", "7 chars", long]
      const items = values.map((value, i) => item(`key ${i}`, i + 1, value))
      const letters = deadOf(yield* persist(batchOf(...items)))
      expect(Object.fromEntries(letters.map(({ version, reason }) => [version, reason]))).toEqual({
        1: `violates check constraint "no_markup" of ${TABLE} (SQLSTATE 23514)`,
        2: `violates unique constraint "once" of ${TABLE} (SQLSTATE 23505)`,
        4: `has no value for column "part" of ${TABLE} (SQLSTATE 23502)`,
        5: "is too large for an index (SQLSTATE 54000)",
      })
    }).pipe(Effect.provide(layer)),
  )
})
