/**
 * The tables that writes go to: the one file to edit for a table of your own. Everything else follows from
 * it: what clients may send, the statements, what readers get, the samples of tests and bench. `npm run table`
 * prints the declaration of a table that PostgreSQL has, and the migration of one that is declared here.
 *
 * - `upsert`: a row for each key, the newest write wins. `append`: a row for each write.
 * - columns: `text`, `integer`, `number`, `boolean`, `timestamp`, `json`, `uuid`, and `nullable` around any
 * - `deletes`: rows can be deleted; `updatedAt`: the column `updated_at` says when a row was last written
 */
import { json, text, timestamp } from "./table/column.ts"
import { append, declareTables, upsert } from "./table/table.ts"

export const TABLES = declareTables({
  /** The table of POST /write, GET /read/{key}, and of what others push onto the list in Redis. It stays. */
  key_values: upsert({
    key: "key",
    columns: { key: text(), value: text() },
    deletes: true,
    updatedAt: true,
  }),

  /** Logs, clicks, measurements: as it is, or as an example. Tests use these two; add yours behind them. */
  events: append({
    columns: { type: text({ maxBytes: 200 }), payload: json(), at: timestamp() },
  }),
})
