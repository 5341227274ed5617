/**
 * read: the row of a key from PostgreSQL, within a deadline, also when the server is frozen. A failure
 * is never mistaken for a key that does not exist. Health has a connection of its own, so that it is
 * answered while reads wait.
 */
import { reread } from "../../shared/config.ts"
import { openDatabase, ping } from "../../shared/postgres/postgres.ts"
import { type Row, selectRow } from "../../shared/table.ts"

const READ_DEADLINE_MILLIS = 2_500
const READ_MAX_CONNECTIONS = 10
const HEALTH_DEADLINE_MILLIS = 1_000

/** Undefined when there is no such row. Rejects when PostgreSQL cannot say. */
export type Read = (key: string) => Promise<Row | undefined>

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
  const read: Read = (key) => rows.run((sql) => selectRow(sql, key))
  return {
    read,
    /** Never rejects. */
    isDatabaseUp: () =>
      health.run(ping).then(
        () => true,
        () => false,
      ),
    close: async () => {
      await Promise.all([rows.close(), health.close()])
    },
  }
}
