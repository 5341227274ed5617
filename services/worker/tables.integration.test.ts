/** What PostgreSQL says of one table of several that is missing, locked or broken, and what of the others. */
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { Database } from "./database.ts"
import { Hold } from "./hold.ts"
import { PROBE_DEADLINE } from "./settings.ts"
import { DatabaseOutside } from "./testing/database-memory.ts"
import { EVENTS, eventItem, item } from "./testing/kit.ts"
import { Postgres, useDatabase } from "./testing/postgres.ts"

const { layer: layerStore } = useDatabase()
const layer = Layer.provideMerge(Hold.layer, layerStore)

const test = (
  sentence: string,
  effect: Effect.Effect<void, unknown, Database | DatabaseOutside | Postgres | Hold>,
) => it.live(sentence, () => Effect.provide(effect, layer))

const all = Effect.all({
  database: Database,
  hold: Hold,
  outside: DatabaseOutside,
  postgres: Postgres,
})

/** Runs `during` between statements that break something and those that mend it. */
const broken = <A, E, R>(
  breaking: string,
  mending: string,
  during: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R | Postgres> =>
  Effect.flatMap(Postgres, ({ sql }) => {
    const run = (statement: string) => Effect.promise(() => sql(statement))
    return Effect.acquireUseRelease(
      run(breaking),
      () => during,
      () => run(mending),
    )
  })

const missing = ["alter table events rename to elsewhere", "alter table elsewhere rename to events"]

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const begin = performance.now()
    const result = yield* effect
    return { result, millis: performance.now() - begin }
  })

describe("a table", () => {
  test(
    "that is missing refuses its writes and fails its own probe, and nothing else fails",
    Effect.gen(function* () {
      const { database, outside } = yield* all
      const [breaking = "", mending = ""] = missing
      yield* broken(
        breaking,
        mending,
        Effect.gen(function* () {
          expect(yield* Effect.flip(database.write(EVENTS, [eventItem(1)]))).toMatchObject({
            _tag: "StatementRefused",
            sqlstate: "42P01",
          })
          expect(yield* Effect.flip(database.probeTable(EVENTS))).toMatchObject({
            _tag: "DatabaseMisconfigured",
            cause: { name: "TableUnfit" },
          })
          yield* database.probe
          yield* database.probeTable(DEFAULT_TABLE)
          yield* database.write(DEFAULT_TABLE, [item("a", 7)])
          // It may have rows again, and then they count.
          expect(yield* database.highestVersion).toBe(7)
        }),
      )
      yield* database.probeTable(EVENTS)
      yield* database.write(EVENTS, [eventItem(8)])
      expect(yield* outside.count(EVENTS)).toBe(1)
    }),
  )

  test(
    "that is locked is 55P03 for its own probe, in time, and no other waits for it",
    Effect.gen(function* () {
      const { database, postgres } = yield* all
      const unlock = yield* Effect.promise(() => postgres.lock("lock table events"))
      const waited = yield* timed(Effect.flip(database.probeTable(EVENTS)))
      expect(waited.result).toMatchObject({ _tag: "BatchFailed", sqlstate: "55P03" })
      expect(waited.millis).toBeLessThan(Duration.toMillis(PROBE_DEADLINE))
      const probed = yield* timed(database.probe)
      const written = yield* timed(database.write(DEFAULT_TABLE, [item("a", 1)]))
      expect(probed.millis + written.millis).toBeLessThan(2_000)
      yield* Effect.promise(unlock)
      yield* database.probeTable(EVENTS)
    }),
  )

  test(
    "that new sessions find again is found by the next write as well",
    Effect.gen(function* () {
      const { database } = yield* all
      const name = "current_database()"
      const set = (what: string) =>
        `do $$ begin execute format('alter database %I ${what} search_path', ${name}); end $$`
      yield* broken(
        set("set").replace("search_path'", "search_path = nowhere'"),
        set("reset"),
        Effect.gen(function* () {
          // What asks for a new session finds no table there.
          expect(yield* Effect.flip(database.probe)).toMatchObject({ sqlstate: "42P01" })
          const refused = yield* Effect.flip(database.write(EVENTS, [eventItem(1)]))
          expect(refused).toMatchObject({ sqlstate: "42P01" })
        }),
      )
      yield* database.probeTable(EVENTS)
      yield* database.write(EVENTS, [eventItem(1)])
    }),
  )
})

describe("a hold of a table", () => {
  test(
    "ends when the table is there, and held no other meanwhile",
    Effect.gen(function* () {
      const { database, hold } = yield* all
      const [breaking = "", mending = ""] = missing
      yield* broken(
        breaking,
        mending,
        Effect.gen(function* () {
          const error = yield* Effect.flip(database.probeTable(EVENTS))
          yield* hold.enterTable(EVENTS, error)
          yield* Effect.sleep("500 millis")
          expect(yield* hold.stateOf(EVENTS)).toBe("held")
          expect(yield* hold.stateOf(DEFAULT_TABLE)).toBe("open")
          expect(yield* hold.reason).toMatch(/^events: .*\(SQLSTATE 42P01\)/)
          yield* hold.passed
        }),
      )
      const open = Effect.map(hold.stateOf(EVENTS), (state) => state === "open")
      yield* Effect.timeout(
        Effect.repeat(Effect.andThen(Effect.sleep("50 millis"), open), { until: (is) => is }),
        "5 seconds",
      )
      expect(yield* hold.reason).toBe("")
    }),
  )
})
