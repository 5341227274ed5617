import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { freePort } from "../../scripts/servers/port.ts"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { HIDE_ALL, onEachRow, SHOW_ALL, TABLE } from "../../shared/testing/table.ts"
import { Database } from "./database.ts"
import { databaseSuite } from "./testing/database.suite.ts"
import { DatabaseOutside } from "./testing/database-memory.ts"
import { item } from "./testing/kit.ts"
import { layerAt, Postgres, useDatabase } from "./testing/postgres.ts"
import { tablesSuite } from "./testing/tables.suite.ts"

// One of its tests changes what the whole server does.
const { layer } = useDatabase({ own: true })

const test = (
  sentence: string,
  effect: Effect.Effect<void, unknown, Database | DatabaseOutside | Postgres>,
) => it.live(sentence, () => Effect.provide(effect, layer))

const all = Effect.all({ database: Database, outside: DatabaseOutside, postgres: Postgres })

/** Runs statements on a connection of the test's own. */
const execute = (...statements: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { sql } = yield* Postgres
    for (const statement of statements) yield* Effect.promise(() => sql(statement))
  })

describe("the database in PostgreSQL", () => {
  databaseSuite({ test })
  tablesSuite({ test })
})

describe("the identity of a database", () => {
  test(
    "is the server's, the database's and the schema's, without the first where it is not told",
    Effect.gen(function* () {
      const { database, postgres } = yield* all
      const { host, pathname } = new URL(postgres.url)
      const place = `${pathname}/public`
      const identity = yield* database.identity
      expect([identity.replace(place, "").length > 15, identity.endsWith(place)]).toEqual([
        true,
        true,
      ])

      yield* execute(
        "create role teller login password 'x'",
        "revoke execute on function pg_control_system from public",
      )
      const told = layerAt(`postgres://teller:x@${host}${pathname}`)
      const untold = Effect.flatMap(Database, (other) => other.identity)
      expect(yield* Effect.provide(untold, told)).toBe(place)
      yield* execute("drop role teller")
    }),
  )
})

describe("an error of PostgreSQL", async () => {
  test(
    "no table at all is DatabaseMisconfigured for the probe, and refuses a write",
    Effect.gen(function* () {
      const { database } = yield* all
      yield* execute(...HIDE_ALL)
      const expected = { _tag: "DatabaseMisconfigured", sqlstate: "42P01" }
      expect(yield* Effect.flip(database.write(DEFAULT_TABLE, [item("a", 1)]))).toMatchObject({
        _tag: "StatementRefused",
        sqlstate: "42P01",
      })
      expect(yield* Effect.flip(database.probe)).toMatchObject(expected)
      // A table that is not there has no version, and nobody's hold depends on it.
      expect(yield* database.highestVersion).toBe(0)
      yield* execute(...SHOW_ALL)
      yield* database.probe
      yield* database.write(DEFAULT_TABLE, [item("a", 1)])
    }),
  )

  test(
    "a server that only reads is DatabaseMisconfigured, for a write and for the probe",
    Effect.gen(function* () {
      const { database, outside } = yield* all
      yield* database.probe
      const readOnly = (on: boolean) =>
        execute(`alter system set default_transaction_read_only = ${on}`, "select pg_reload_conf()")
      // A reload reaches a session before its next command; a new session starts with it.
      const reached = (on: boolean) =>
        Effect.repeat(Effect.exit(database.probe), {
          until: ({ _tag }) => _tag === (on ? "Failure" : "Success"),
          times: 1_000,
        })
      yield* readOnly(true)
      yield* reached(true)
      const expected = { _tag: "DatabaseMisconfigured", sqlstate: "25006" }
      expect(yield* Effect.flip(database.write(DEFAULT_TABLE, [item("a", 1)]))).toMatchObject(
        expected,
      )
      expect(yield* Effect.flip(database.probe)).toMatchObject(expected)
      yield* execute(
        "set default_transaction_read_only = off",
        "alter system reset default_transaction_read_only",
        "select pg_reload_conf()",
      )
      yield* reached(false)
      yield* database.write(DEFAULT_TABLE, [item("a", 1)])
      expect(yield* outside.read("a")).toEqual(item("a", 1))
    }),
  )

  test(
    "a CHECK that a row violates is WriteRejected, and nothing of the batch is stored",
    Effect.gen(function* () {
      const { database, outside } = yield* all
      yield* execute(`alter table ${TABLE} add constraint no_bad check (value <> 'bad')`)
      const batch = [item("a", 1), item("b", 2, "bad")]
      expect(yield* Effect.flip(database.write(DEFAULT_TABLE, batch))).toMatchObject({
        _tag: "WriteRejected",
        sqlstate: "23514",
        reason: "SQLSTATE 23514",
      })
      expect(yield* outside.read("a")).toBeUndefined()
      yield* execute(`alter table ${TABLE} drop constraint no_bad`)
    }),
  )

  for (const [what, when] of [
    ["new rows", "after insert"],
    ["changed rows", "after update"],
    ["rows at the end of a transaction", "after insert or update"],
  ] as const) {
    test(
      `a trigger that refuses ${what} refuses a rehearsal`,
      Effect.gen(function* () {
        const { database, outside } = yield* all
        yield* database.write(DEFAULT_TABLE, [item("a", 1)])
        const deferred = when === "after insert or update"
        yield* execute(
          "create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$",
          `create ${deferred ? "constraint " : ""}trigger refuse ${when} on key_values
             ${deferred ? "deferrable initially deferred" : ""} for each row execute function refuse()`,
        )
        expect(yield* Effect.flip(database.rehearse(DEFAULT_TABLE, "a"))).toMatchObject({
          sqlstate: "P0001",
        })
        yield* execute("drop function refuse cascade")
        expect(yield* database.rehearse(DEFAULT_TABLE, "a")).toBe(true)
        expect(yield* outside.read("a")).toEqual(item("a", 1))
      }),
    )
  }

  test(
    "a row that stays locked is BatchFailed 55P03 after the lock timeout of 3 s",
    Effect.gen(function* () {
      const { database, postgres } = yield* all
      yield* database.write(DEFAULT_TABLE, [item("a", 1)])
      const unlock = yield* Effect.promise(() =>
        postgres.lock(`select 1 from ${TABLE} where key = 'a' for update`),
      )
      expect(yield* Effect.flip(database.write(DEFAULT_TABLE, [item("a", 2)]))).toMatchObject({
        _tag: "BatchFailed",
        sqlstate: "55P03",
      })
      yield* Effect.promise(unlock)
      yield* database.write(DEFAULT_TABLE, [item("a", 2)])
    }),
  )

  test(
    "a session that is terminated amid a statement is DatabaseUnavailable, and the next write works",
    Effect.gen(function* () {
      const { database, outside, postgres } = yield* all
      yield* database.write(DEFAULT_TABLE, [item("a", 1)])
      const terminate = () =>
        postgres.sql(`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'write-buffer-worker'`)
      yield* execute(onEachRow("slow", "perform pg_sleep(30)"))
      const writing = Effect.flip(database.write(DEFAULT_TABLE, [item("a", 2)]))
      const killing = Effect.promise(async () => {
        const asleep = () =>
          postgres.sql("select 1 from pg_stat_activity where wait_event = 'PgSleep'")
        while ((await asleep()).length === 0);
        await terminate()
      })
      const [error] = yield* Effect.all([writing, killing], { concurrency: "unbounded" })
      expect(error._tag).toBe("DatabaseUnavailable")
      yield* execute("drop function slow cascade")
      yield* database.write(DEFAULT_TABLE, [item("a", 3)])
      expect(yield* outside.read("a")).toEqual(item("a", 3))
    }),
  )

  test(
    "a probe is asked on a new connection, which a switch-over leads to the new server",
    Effect.gen(function* () {
      const { database, postgres } = yield* all
      const sessions = Effect.promise(async () => {
        const rows = await postgres.sql<{ pid: number }>(`select pid from pg_stat_activity
          where application_name = 'write-buffer-worker' order by backend_start desc`)
        return rows[0]?.pid
      })
      yield* database.probe
      const before = yield* sessions
      yield* database.probe
      expect(yield* sessions).not.toBe(before)
    }),
  )

  const nobody = await freePort()
  it.live("a port where nobody listens is DatabaseUnavailable at once", () =>
    Effect.gen(function* () {
      const database = yield* Database
      const begin = performance.now()
      const error = yield* Effect.flip(database.write(DEFAULT_TABLE, [item("a", 1)]))
      expect(error).toMatchObject({ _tag: "DatabaseUnavailable", reason: "ECONNREFUSED" })
      expect(performance.now() - begin).toBeLessThan(2_000)
      expect((yield* Effect.flip(database.probe))._tag).toBe("DatabaseUnavailable")
    }).pipe(
      Effect.provide(layerAt(`postgres://postgres:postgres@127.0.0.1:${nobody}/write_buffer`)),
    ),
  )

  test(
    "a wrong password and a database that is not there are DatabaseMisconfigured",
    Effect.gen(function* () {
      const { url } = yield* Postgres
      const probeAt = (url: string) =>
        Effect.flip(
          Effect.provide(
            Effect.flatMap(Database, ({ probe }) => probe),
            layerAt(url),
          ),
        )
      const wrong = url.replace(":postgres@", ":wrong@")
      expect(yield* probeAt(wrong)).toMatchObject({
        _tag: "DatabaseMisconfigured",
        sqlstate: "28P01",
      })
      expect(yield* probeAt(`${url}_2`)).toMatchObject({
        _tag: "DatabaseMisconfigured",
        sqlstate: "3D000",
      })
    }),
  )
})
