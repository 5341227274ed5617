/**
 * Reads from PostgreSQL, in groups, within a deadline, also when the server is frozen. A failure is never
 * mistaken for a key that does not exist. Health has a connection of its own, so that it is answered while
 * reads wait.
 */
import { reread } from "../../shared/config.ts"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { type Database, openDatabase } from "../../shared/postgres/postgres.ts"
import { codeOf, isOfStatement } from "../../shared/postgres/refusal.ts"
import { describeTrouble, type Sentences } from "../../shared/postgres/trouble.ts"
import { checkTables } from "../../shared/table/check.ts"
import { selectRows } from "../../shared/table/select.ts"
import type { Table } from "../../shared/table/table.ts"
import { linesOf } from "../../shared/table/unfit.ts"
import { TABLES } from "../../shared/tables.ts"
import { makeRead } from "./group.ts"

const READ_DEADLINE_MILLIS = 2_500
/** Each table has two queries at a time; of more tables than five some share a connection. */
const READ_MAX_CONNECTIONS = 10
const HEALTH_DEADLINE_MILLIS = 1_000

/** No write can have it. */
const NO_KEY = ""

/** What this service needs of the table is less than what a worker does. */
const OF_READS: Sentences = [
  ["42501", "The right to read the table is missing: grant select on it"],
  ["42P01", "The table is missing: run npm run migrate"],
  ["42703", "A column of the table is missing: run npm run migrate"],
]

/** SQLSTATEs of a statement that was too slow, or behind a lock of somebody's. */
const LATE = /^(57014|55P03)$/

/** Why a row cannot be read, in words. */
export const readTrouble = (error: unknown): string => describeTrouble(error, OF_READS)

/** Which of the tables cannot be read, in lines with what mends it; null when all can, or nobody can say. */
const findTrouble = async (
  { run }: Database,
  tables: ReadonlyArray<Table>,
): Promise<string | null> => {
  const all = await run((sql) => checkTables(sql, tables, "read")).catch(() => [])
  const lines = tables.flatMap((table, index) =>
    linesOf(table, all[index] ?? []).map((line) => `${table.name}: ${line}`),
  )
  return lines.length > 0 ? lines.join("\n") : null
}

export const openReads = (url: string) => {
  const rows = openDatabase(url, {
    name: "reader",
    maxConnections: READ_MAX_CONNECTIONS,
    deadlineMillis: READ_DEADLINE_MILLIS,
    reread: () => reread("DATABASE_URL"),
  })
  const health = openDatabase(url, {
    name: "reader-health",
    maxConnections: 1,
    deadlineMillis: HEALTH_DEADLINE_MILLIS,
    reread: () => reread("DATABASE_URL"),
  })
  return {
    read: makeRead(
      (table, keys) => rows.run((sql) => selectRows(sql, table, keys)),
      READ_DEADLINE_MILLIS,
    ),
    /**
     * Why no read would be answered, asked as a read is; null when it would. A read that is
     * late does not count: another reader of the same table would be no faster. Never rejects.
     */
    databaseTrouble: () =>
      health
        .run((sql) => selectRows(sql, DEFAULT_TABLE, [NO_KEY]))
        .then(
          () => null,
          async (error) => {
            if (LATE.test(codeOf(error))) return null
            const found = isOfStatement(error) ? await findTrouble(health, [DEFAULT_TABLE]) : null
            return [readTrouble(error), ...(found === null ? [] : [found])].join("\n")
          },
        ),
    /** Why rows of some tables cannot be read while others can; null when all can. Never rejects. */
    tableTrouble: () => findTrouble(health, Object.values<Table>(TABLES)),
    close: async () => {
      await Promise.all([rows.close(), health.close()])
    },
  }
}
