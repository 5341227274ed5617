/**
 * A PostgreSQL of its own for a file of tests, with the table, and the worker's database on it beside
 * a connection that breaks and inspects what the worker uses.
 */
import { readFile } from "node:fs/promises"
import { afterAll, beforeAll } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import postgres from "postgres"
import { temporaryDirectory } from "../../scripts/directory.ts"
import { startPostgres } from "../../scripts/postgres.ts"
import type { Store } from "../../scripts/store.ts"
import { openDatabase, type Sql, selectRow } from "../../shared/database.ts"
import { layerPostgres } from "./database.ts"
import { DatabaseOutside } from "./database-memory.ts"
import { layerSettings } from "./worker-memory.ts"

const MIGRATION = new URL("../../shared/migrations/0001_key_values.sql", import.meta.url)

/** A connection of the test's own. */
export class Postgres extends Context.Service<
  Postgres,
  { readonly sql: Sql; readonly store: Store }
>()("write-buffer/worker/Postgres") {}

/** The worker's database at this URL; nothing else. */
export const layerAt = (url: string) =>
  Layer.provide(Layer.fresh(layerPostgres), layerSettings({ DATABASE_URL: url }))

const read = (url: string) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      openDatabase(url, { name: "test", maxConnections: 1, deadlineMillis: 10_000 }),
    ),
    (database) => Effect.promise(() => database.close()),
  ).pipe(
    Effect.map(
      (database) => (id: string) =>
        Effect.map(
          Effect.promise(() => database.run((sql) => selectRow(sql, id))),
          (row) => row && { version: row.version, write: { key: row.key, value: row.value } },
        ),
    ),
  )

/** Starts a PostgreSQL before the tests of the file, and stops it after them. */
export const usePostgres = () => {
  let store: Store
  let sql: Sql
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  beforeAll(async () => {
    directory = await temporaryDirectory()
    store = await startPostgres({ directory: directory.path, settings: { fsync: "off" } })
    sql = postgres(store.url, { max: 2, onnotice: () => {} })
  })
  afterAll(async () => {
    await sql?.end({ timeout: 0 })
    await store?.stop()
    await directory?.remove()
  })
  /** Each test gets an empty table. */
  const layer = Layer.suspend(() =>
    Layer.merge(
      layerAt(store.url),
      Layer.effectContext(
        Effect.gen(function* () {
          yield* Effect.promise(async () => {
            await sql`drop table if exists key_values`
            await sql.unsafe(await readFile(MIGRATION, "utf8"))
          })
          return Context.make(Postgres, { sql, store }).pipe(
            Context.add(DatabaseOutside, { read: yield* read(store.url) }),
          )
        }),
      ),
    ),
  )
  return { layer }
}
