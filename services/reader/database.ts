/**
 * read: the rows of keys from PostgreSQL, within a deadline, also when the server is frozen. A failure
 * is never mistaken for a key that does not exist. Health has a connection of its own, so that it is
 * answered while reads wait.
 */
import { reread } from "../../shared/config.ts"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { openDatabase } from "../../shared/postgres/postgres.ts"
import { codeOf } from "../../shared/postgres/refusal.ts"
import { describeTrouble, type Sentences } from "../../shared/postgres/trouble.ts"
import { selectRows } from "../../shared/table/select.ts"
import type { StoredRow, Table } from "../../shared/table/table.ts"

const READ_DEADLINE_MILLIS = 2_500
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

/** The rows that there are of these keys, each under its key. Rejects when PostgreSQL cannot say. */
export type Read = (
  table: Table,
  keys: ReadonlyArray<string>,
) => Promise<ReadonlyMap<string, StoredRow>>

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
  const read: Read = (table, keys) => rows.run((sql) => selectRows(sql, table, keys))
  return {
    read,
    /**
     * Why no read would be answered, asked as a read is; null when it would. A read that is
     * late does not count: another reader of the same table would be no faster. Never rejects.
     */
    databaseTrouble: () =>
      health
        .run((sql) => selectRows(sql, DEFAULT_TABLE, [NO_KEY]))
        .then(
          () => null,
          (error) => (LATE.test(codeOf(error)) ? null : readTrouble(error)),
        ),
    close: async () => {
      await Promise.all([rows.close(), health.close()])
    },
  }
}
