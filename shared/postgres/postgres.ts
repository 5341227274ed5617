/**
 * The one door to PostgreSQL. A database opened here answers or fails by its deadline: the driver has none
 * of its own, so a frozen server would hold a query for ever. After a deadline the connections that were
 * silent are closed and new ones made. What an error means is the caller's to say.
 */

import type { Runner, Sql } from "./connection.ts"
import { openPool } from "./pool.ts"
import { DeadlinePassed } from "./refusal.ts"

export { DeadlinePassed, databaseErrorReason } from "./refusal.ts"
export type { Runner, Sql }

/** On the server's side a statement ends this long before the deadline here, with a SQLSTATE. */
export const STATEMENT_MARGIN_MILLIS = 2_000
const STATEMENT_MIN_MILLIS = 100

export interface OpenDatabaseOptions {
  /** Shown as application_name in pg_stat_activity. */
  readonly name: string
  readonly maxConnections: number
  /** From the call to its answer, waiting for a connection included. */
  readonly deadlineMillis: number
  /** Of several hosts those that cannot write are passed over. */
  readonly writes?: boolean
  /** The URL as it is now, asked for when the login is refused: secrets rotate. */
  readonly reread?: () => string | undefined
}

export interface Database {
  /**
   * Runs one query.
   * @throws what postgres.js throws (SQLSTATE or a network error's name in `code`), or DeadlinePassed.
   */
  run<A>(query: (sql: Sql) => Promise<A>): Promise<A>
  /** Asks the next queries on new connections, which a switch-over leads to the new server. */
  renew(): void
  /** Closes all connections; what still runs has up to `seconds` to end. */
  close(seconds?: number): Promise<void>
}

/**
 * Opens a database; connections are made when a query needs one.
 * @throws {UrlError} when the URL cannot be read or says what is not supported.
 */
export const openDatabase = (url: string, options: OpenDatabaseOptions): Database => {
  const { deadlineMillis, maxConnections } = options
  const statementMillis = Math.max(STATEMENT_MIN_MILLIS, deadlineMillis - STATEMENT_MARGIN_MILLIS)
  const pool = openPool(url, maxConnections, { ...options, statementMillis })
  let isClosed = false

  return {
    run: (query) => {
      if (isClosed) {
        const closed = new Error("the database is closed")
        return Promise.reject(Object.assign(closed, { code: "CONNECTION_ENDED" }))
      }
      return new Promise((resolve, reject) => {
        const { answer, giveUp } = pool.use(query)
        const timer = setTimeout(() => {
          reject(new DeadlinePassed(`no answer within ${deadlineMillis} ms`))
          giveUp()
        }, deadlineMillis)
        answer.finally(() => clearTimeout(timer)).then(resolve, reject)
      })
    },
    renew: pool.renew,
    close: async (seconds = 0) => {
      isClosed = true
      await pool.close(seconds)
    },
  }
}

/** Whether the server answers at all. */
export const ping = async (sql: Sql): Promise<void> => {
  await sql`select 1`
}
