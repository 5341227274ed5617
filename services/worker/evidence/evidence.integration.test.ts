/** The rule of evidence on PostgreSQL, as a role that policies and rights apply to. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { makeItem } from "../../../shared/item.ts"
import { TABLES } from "../../../shared/tables.ts"
import { ClaimSize } from "../claim/claim-size.ts"
import { layerPostgres } from "../database.ts"
import { persist } from "../persist.ts"
import { Breaking, type RowCode } from "../testing/breaking.ts"
import { DatabaseOutside } from "../testing/database-memory.ts"
import { batchOf, EVENTS, eventItem, item } from "../testing/kit.ts"
import { Postgres, useDatabase } from "../testing/postgres.ts"
import { layerSettings } from "../testing/worker-memory.ts"
import { deadOf, evidenceSuite, isHeld, NOTHING_TO_SAY } from "./evidence.suite.ts"
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
  "drop policy if exists guard on key_values",
  "alter table key_values disable row level security",
  `grant select, insert, update on ${Object.keys(TABLES).join(", ")} to writer`,
]

const trigger = (
  name: string,
  when: string,
  condition: string,
  statement: string,
  table = "key_values",
) => [
  `create function ${name}() returns trigger language plpgsql as
   $$ begin if ${condition} then ${statement}; end if; return new; end $$`,
  `create trigger ${name} ${when} on ${table} for each row execute function ${name}()`,
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
            "alter table key_values enable row level security",
            `create policy guard on key_values to writer using (true) with check (${check})`,
          )
        }
        const name = triggers++ === 0 ? "guard" : "guard_2"
        const condition = value === null ? "true" : `new.value = '${value}'`
        return run(...trigger(name, "before insert", condition, RAISE[code]))
      },
      changes: (of) => run(...trigger("guard", `after ${of}`, "true", RAISE.P0001)),
      table: (code) => {
        const [breaking, ...mending] = {
          "42P01": [
            "alter table key_values rename to elsewhere",
            "alter table elsewhere rename to key_values",
          ],
          "42501": ["revoke insert on key_values from writer"],
          "42703": [
            "alter table key_values rename value to content",
            "alter table key_values rename content to value",
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

  /** Refuses rows of `events`, those of this type or all. */
  const refuseEvents = (when: string, type: string | null) =>
    Effect.flatMap(Postgres, ({ sql }) =>
      Effect.forEach(
        trigger(
          ...(["guard", when, type === null ? "true" : `new.type = '${type}'`] as const),
          ...(["raise exception 'refused'", "events"] as const),
        ),
        (statement) => Effect.promise(() => sql(statement)),
      ),
    )

  for (const when of ["before insert", "after insert"]) {
    it.live(`a trigger ${when} that refuses all rows of a table holds that table alone`, () =>
      Effect.gen(function* () {
        const { mend } = yield* Breaking
        const outside = yield* DatabaseOutside
        yield* persist(batchOf(item("before", 1), eventItem(2), eventItem(3)))
        yield* refuseEvents(when, null)
        const late = [eventItem(4), eventItem(5), eventItem(6)]
        const batch = batchOf(item("a", 7), ...late, item("b", 8))
        const { held, ...persisted } = yield* persist(batch)
        expect(persisted).toEqual({ coalesced: 0, dead: [] })
        expect(held).toMatchObject([{ items: late, error: { sqlstate: "P0001" } }])
        expect(yield* outside.read("b")).toEqual(item("b", 8))
        // Nor is a row alone buried, though rows of both tables were stored.
        yield* isHeld(batchOf(eventItem(9)), "P0001")
        yield* mend
        expect(yield* persist(batch)).toEqual(NOTHING_TO_SAY)
        expect(yield* outside.count(EVENTS)).toBe(5)
      }).pipe(Effect.provide(layer)),
    )

    it.live(`a trigger ${when} that refuses one row of a table buries it alone`, () =>
      Effect.gen(function* () {
        const outside = yield* DatabaseOutside
        yield* persist(batchOf(eventItem(2), eventItem(3)))
        yield* refuseEvents(when, "bad")
        const { write } = eventItem(5)
        const bad = makeItem(5, { ...write, row: { ...write.row, type: "bad" } })
        const persisted = yield* persist(batchOf(item("a", 1), eventItem(4), bad, eventItem(6)))
        expect(deadOf(persisted)).toMatchObject([{ version: 5, table: "events" }])
        expect(persisted.held).toEqual([])
        expect(yield* outside.count(EVENTS)).toBe(4)
        // Also when no other row is beside it: the table takes rows that it has taken before.
        const alone = makeItem(7, bad.write)
        expect(deadOf(yield* persist(batchOf(alone)))).toMatchObject([{ version: 7 }])
      }).pipe(Effect.provide(layer)),
    )
  }

  /** Tables that a trigger writes, and what makes them refuse every row with a code of a bad row. */
  const AUDITS = {
    "2200H": [
      "create table audit (id serial, value text)",
      "alter sequence audit_id_seq maxvalue 2",
      "select setval('audit_id_seq', 2)",
    ],
    "23514": ["create table audit (value text) partition by list (value)"],
    "23502": ["create table audit (value text, kind text not null)"],
    "22001": ["create table audit (value varchar(1))"],
  }
  for (const [code, breaking] of Object.entries(AUDITS)) {
    it.live(`a trigger whose own table refuses rows (${code}) buries none of a whole batch`, () =>
      Effect.gen(function* () {
        const { sql } = yield* Postgres
        const { mend } = yield* Breaking
        const statements = [
          "drop table if exists audit",
          ...breaking,
          "grant insert on audit to writer",
          "grant usage on all sequences in schema public to writer",
          ...trigger(
            "guard",
            "after insert",
            "true",
            "insert into audit (value) values (new.value)",
          ),
        ]
        for (const each of statements) yield* Effect.promise(() => sql(each))
        const batch = batchOf(item("a", 1), item("b", 2), item("c", 3))
        yield* isHeld(batch, code)
        yield* mend
        expect(yield* persist(batch)).toEqual(NOTHING_TO_SAY)
      }).pipe(Effect.provide(layer)),
    )
  }

  it.live("a column of the table that no write gives a value holds, and buries nothing", () =>
    Effect.gen(function* () {
      const { sql } = yield* Postgres
      const batch = batchOf(item("a", 1), item("b", 2))
      yield* Effect.promise(() => sql("alter table key_values add kind text not null"))
      yield* isHeld(batch, "23502")
      yield* Effect.promise(() => sql("alter table key_values drop kind"))
      expect(yield* persist(batch)).toEqual(NOTHING_TO_SAY)
    }).pipe(Effect.provide(layer)),
  )

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
          alter table key_values
            add constraint no_markup check (value not like '<%'),
            add constraint once unique (value),
            add part int generated always as (nullif(length(value), 7)) stored not null;
          create index by_value on key_values (lower(value))`),
      )
      const long = Array.from({ length: 5_000 }, (_, i) => (i * 7_919).toString(36)).join("")
      const values = ["<b>", "twice", "twice", "7 chars", long]
      const items = values.map((value, i) => item(`key ${i}`, i + 1, value))
      const letters = deadOf(yield* persist(batchOf(...items)))
      expect(Object.fromEntries(letters.map(({ version, reason }) => [version, reason]))).toEqual({
        1: 'violates check constraint "no_markup" of key_values (SQLSTATE 23514)',
        2: 'violates unique constraint "once" of key_values (SQLSTATE 23505)',
        4: 'has no value for column "part" of key_values (SQLSTATE 23502)',
        5: "is too large for an index (SQLSTATE 54000)",
      })
    }).pipe(Effect.provide(layer)),
  )
})
