/** The rows of a run: an empty table before a load, and what it lost or stored twice. */
import type { Database } from "../shared/postgres/postgres.ts"
import { countMissing, countRepeated, truncate } from "../shared/table/baseline.ts"
import type { Ledger } from "./ledger.ts"
import type { Marked } from "./mark.ts"

/** What runs a query. */
type Rows = Pick<Database, "run">

/** An accepted write was not in the table, or there twice. Nothing else that was measured matters then. */
export class WriteLost extends Error {
  override readonly name = "WriteLost"
}

export const clearRows = (database: Rows, { table }: Marked): Promise<void> =>
  database.run((sql) => truncate(sql, table))

/** Resolves to 0: none of these is missing. @throws {WriteLost} when one is, or when one is there twice. */
export const demandAll = async (
  database: Rows,
  { table, column }: Marked,
  marks: ReadonlyArray<string>,
  who: string,
): Promise<number> => {
  const missing = await database.run((sql) => countMissing(sql, table, column, marks))
  if (missing > 0) throw new WriteLost(`${missing} accepted writes of ${who} are not in the table`)
  // Of a key there is one row.
  const repeated =
    table.mode === "append" ? await database.run((sql) => countRepeated(sql, table, column)) : 0
  if (repeated > 0) throw new WriteLost(`${repeated} writes of ${who} are in the table once more`)
  return missing
}

export const demandAccepted = (
  database: Rows,
  marked: Marked,
  ledger: Ledger,
  who: string,
): Promise<number> => demandAll(database, marked, [...ledger.promised()], who)
