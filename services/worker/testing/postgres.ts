/**
 * The worker's database in PostgreSQL, beside a connection that breaks and inspects what the worker
 * uses.
 */
import { afterAll, beforeAll } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import postgres from "postgres"
import { openDatabase, type Sql } from "../../../shared/postgres/postgres.ts"
import { selectRow } from "../../../shared/table.ts"
import { usePostgres } from "../../testing/postgres.ts"
import { layerPostgres } from "../database.ts"
import { DatabaseOutside } from "./database-memory.ts"
import { layerSettings } from "./worker-memory.ts"

/** A connection of the test's own. */
export class Postgres extends Context.Service<
  Postgres,
  { readonly sql: Sql; readonly url: string }
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

/** The database of the file's tests, each of which gets an empty table. */
export const useDatabase = (options: Parameters<typeof usePostgres>[0] = {}) => {
  const { url } = usePostgres(options)
  let sql: Sql
  beforeAll(() => {
    sql = postgres(url(), { max: 2, onnotice: () => {} })
  })
  afterAll(() => sql?.end({ timeout: 0 }))
  const layer = Layer.suspend(() =>
    Layer.merge(
      layerAt(url()),
      Layer.effectContext(
        Effect.gen(function* () {
          yield* Effect.promise(() => sql`truncate key_values`)
          return Context.make(Postgres, { sql, url: url() }).pipe(
            Context.add(DatabaseOutside, { read: yield* read(url()) }),
          )
        }),
      ),
    ),
  )
  return { layer }
}
