/**
 * The worker's database in PostgreSQL, beside a connection that breaks and inspects what the worker
 * uses.
 */
import { Context, Effect, Layer } from "effect"
import { DEFAULT_TABLE, makeItem } from "../../../shared/item.ts"
import { selectRows } from "../../../shared/table/select.ts"
import type { StoredRow } from "../../../shared/table/table.ts"
import { TABLES } from "../../../shared/tables.ts"
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

const outsideOf = ({ run, sql }: TestPostgres) =>
  DatabaseOutside.of({
    read: (id, table = DEFAULT_TABLE) =>
      Effect.promise(() => run((query) => selectRows(query, table, [id]))).pipe(
        Effect.map((rows) => {
          const found = rows.get(id)?.row
          if (!found) return undefined
          const { version, updated_at: _, ...row } = found as StoredRow & { updated_at?: string }
          return makeItem(version, { table, row, isDelete: false })
        }),
      ),
    count: ({ name }) =>
      Effect.promise(async () => {
        const [row] = await sql<{ rows: string }>(`select count(*)::text as rows from ${name}`)
        return Number(row?.rows)
      }),
  })

/** The database of the file's tests, each of which gets empty tables. */
export const useDatabase = (options: Parameters<typeof usePostgres>[0] = {}) => {
  const server = usePostgres(options)
  const layer = Layer.suspend(() =>
    Layer.merge(
      layerAt(server().url),
      Layer.effectContext(
        Effect.gen(function* () {
          yield* Effect.promise(() => server().sql(`truncate ${Object.keys(TABLES).join(", ")}`))
          return Context.make(Postgres, server()).pipe(
            Context.add(DatabaseOutside, outsideOf(server())),
          )
        }),
      ),
    ),
  )
  return { layer }
}
