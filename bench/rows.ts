/** The rows of a run: the write that all loads send, an empty table before a load, and what it lost. */
import { DEFAULT_TABLE } from "../shared/item.ts"
import type { Database } from "../shared/postgres/postgres.ts"
import { countMissing, truncate } from "../shared/table/baseline.ts"
import { sampleWrite as sampleOf } from "../shared/table/sample.ts"
import type { Write } from "../shared/write.ts"
import type { Ledger } from "./ledger.ts"

export const VALUE_BYTES = 100

/** Which table all loads write to. */
export const TABLE = DEFAULT_TABLE

/** What runs a query. */
type Rows = Pick<Database, "run">

/** The one write of the benchmark: in JSON with its key about 190 bytes of Redis. */
export const sampleWrite = (key: string): Write => sampleOf(TABLE, 1, key, VALUE_BYTES)

/** An accepted write was not in the table. Nothing else that was measured matters then. */
export class WriteLost extends Error {
  override readonly name = "WriteLost"
}

export const clearRows = (database: Rows): Promise<void> =>
  database.run((sql) => truncate(sql, TABLE))

/** Resolves to 0: none of these is missing. @throws {WriteLost} when one is. */
export const demandAll = async (
  database: Rows,
  keys: ReadonlyArray<string>,
  who: string,
): Promise<number> => {
  const missing = await database.run((sql) => countMissing(sql, TABLE, keys))
  if (missing > 0) throw new WriteLost(`${missing} accepted writes of ${who} are not in the table`)
  return missing
}

export const demandAccepted = (database: Rows, ledger: Ledger, who: string): Promise<number> =>
  demandAll(database, [...ledger.promised()], who)
