/**
 * The worker's database in PostgreSQL, beside a connection that breaks and inspects what the worker
 * uses.
 */
import { Context, Effect, Layer } from "effect"
import { selectRow } from "../../../shared/table.ts"
import { TABLE } from "../../../shared/testing/table.ts"
import { type TestPostgres, usePostgres } from "../../testing/postgres.ts"
import { layerPostgres } from "../database.ts"
import { DatabaseOutside } from "./database-memory.ts"
import { layerSettings } from "./worker-memory.ts"

/** The server, and a connection to it that is the test's own. */
export class Postgres extends Context.Service<Postgres, TestPostgres>()(
  "write-buffer/worker/Postgres",
) {}

/** The worker's database at this URL; nothing else. */
export const layerAt = (url: string) =>
  Layer.provide(Layer.fresh(layerPostgres), layerSettings({ DATABASE_URL: url }))

const read = ({ run }: TestPostgres, id: string) =>
  Effect.promise(() => run((sql) => selectRow(sql, id))).pipe(
    Effect.map((row) => row && { version: row.version, write: { key: row.key, value: row.value } }),
  )

/** The database of the file's tests, each of which gets an empty table. */
export const useDatabase = (options: Parameters<typeof usePostgres>[0] = {}) => {
  const server = usePostgres(options)
  const layer = Layer.suspend(() =>
    Layer.merge(
      layerAt(server().url),
      Layer.effectContext(
        Effect.gen(function* () {
          yield* Effect.promise(() => server().sql(`truncate ${TABLE}`))
          return Context.make(Postgres, server()).pipe(
            Context.add(DatabaseOutside, { read: (id) => read(server(), id) }),
          )
        }),
      ),
    ),
  )
  return { layer }
}
