/**
 * The table's statements and the one door to PostgreSQL. A database opened here answers or fails by its
 * deadline: the driver has none of its own, so a frozen server would hold a query for ever. After a
 * deadline the connections are closed and new ones made. What an error means is the caller's to say.
 */
import { openPool } from "./pool.ts"
import type { Runner, Sql } from "./postgres-connection.ts"
import { DeadlinePassed } from "./refusal.ts"
import type { Item } from "./write.ts"

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
      const generation = pool.generation()
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new DeadlinePassed(`no answer within ${deadlineMillis} ms`))
          // Of all that wait for the same frozen server, the first ends its connections.
          if (pool.generation() === generation) pool.stall()
        }, deadlineMillis)
        pool
          .use(query)
          .finally(() => clearTimeout(timer))
          .then(resolve, reject)
      })
    },
    renew: pool.renew,
    close: async (seconds = 0) => {
      isClosed = true
      await pool.close(seconds)
    },
  }
}

/** An array as PostgreSQL reads one. Strings are quoted, so that NULL, braces and commas are text. */
const arrayOf = (texts: ReadonlyArray<string>) =>
  `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`

/**
 * Writes all items in one statement; an item whose row has the same or a higher version changes
 * nothing. Each key at most once (PostgreSQL refuses a second, 21000), sorted by key (two batches that
 * lock the same rows then do so in the same order). With no items it still needs the table and the
 * right to write it, which makes it the probe of a database that failed. Resolves to how many rows were
 * new or changed.
 */
export const upsert = async (sql: Sql, items: ReadonlyArray<Item>): Promise<number> => {
  const { count } = await sql`
    insert into key_values as stored (key, value, version)
    select key, value, version
    from unnest(
      ${arrayOf(items.map(({ write }) => write.key))}::text[],
      ${arrayOf(items.map(({ write }) => write.value))}::text[],
      ${`{${items.map(({ version }) => version).join(",")}}`}::bigint[]
    ) as batch (key, value, version)
    on conflict (key) do update
    set value = excluded.value, version = excluded.version, updated_at = excluded.updated_at
    where stored.version < excluded.version`
  return count
}

/** A row as GET /read answers it. */
export interface Row {
  readonly key: string
  readonly value: string
  readonly version: number
  readonly updated_at: string
}

/**
 * The row of a key, or undefined. Versions are below 2^53 until the year 2255. The time is asked for in
 * milliseconds: as text it would depend on the session's DateStyle.
 */
export const selectRow = async (sql: Sql, key: string): Promise<Row | undefined> => {
  const [row] = await sql<[{ value: string; version: string; millis: string }?]>`
    select value, version, floor(extract(epoch from updated_at) * 1000)::bigint as millis
    from key_values where key = ${key}`
  return (
    row && {
      key,
      value: row.value,
      version: Number(row.version),
      updated_at: new Date(Number(row.millis)).toISOString(),
    }
  )
}

/** The highest version in the table, 0 when it is empty. A scan: asked once for each life of Redis' data. */
export const selectHighestVersion = async (sql: Sql): Promise<number> => {
  const [row] = await sql<[{ highest: string }]>`
    select coalesce(max(version), 0) as highest from key_values`
  return Number(row.highest)
}

/** May not be called, or is not there: on some of the systems that speak PostgreSQL's protocol. */
const NO_SYSTEM_IDENTIFIER = /^(42501|42883|0A000)$/

/**
 * Which database this is: the identifier that initdb gave the server, which a physical standby shares and
 * a copy by dump and restore does not; the database's name; and the schema in which the table is.
 */
export const selectIdentity = async (sql: Sql): Promise<string> => {
  const [place] = await sql<[{ name: string; schema: string | null }]>`
    select current_database() as name, (
      select nspname from pg_namespace join pg_class on pg_namespace.oid = relnamespace
      where pg_class.oid = to_regclass('key_values')
    ) as schema`
  const system = await sql<[{ id: string }]>`
    select system_identifier::text as id from pg_control_system()`.then(
    ([row]) => row.id,
    (error: { code?: string }) => {
      if (NO_SYSTEM_IDENTIFIER.test(error.code ?? "")) return ""
      throw error
    },
  )
  return [system, place.name, place.schema ?? ""].join("/")
}

/** Whether the server answers at all. */
export const ping = async (sql: Sql): Promise<void> => {
  await sql`select 1`
}
