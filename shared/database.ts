/**
 * The table's statements and the one door to PostgreSQL. A database opened here answers or fails by its
 * deadline: postgres.js has none of its own, so a frozen server would hold a query for ever. After a
 * deadline the connections are closed and new ones made. What an error means is the caller's to say.
 */
import { connect, type Socket } from "node:net"
import postgres from "postgres"
import type { Item } from "./write.ts"

export type Sql = postgres.Sql

/** A query was not answered in time. It may have had its effect, or have it later. */
export class DeadlinePassed extends Error {
  override readonly name = "DeadlinePassed"
}

/** On the server's side a statement ends this long before the deadline here, with a SQLSTATE. */
export const STATEMENT_MARGIN_MILLIS = 2_000

const CONNECT_DEADLINE_SECONDS = 3
const RECONNECT_SECONDS = 0.2

/** An endpoint that accepts and closes makes postgres.js connect again at once, 650 times a second. */
const CONNECTS_PER_SECOND = 20

export interface OpenDatabaseOptions {
  /** Shown as application_name in pg_stat_activity. */
  readonly name: string
  readonly maxConnections: number
  /** From the call to its answer, waiting for a connection included. */
  readonly deadlineMillis: number
}

export interface Database {
  /**
   * Runs one query.
   * @throws what postgres.js throws (SQLSTATE or a network error's name in `code`), or DeadlinePassed.
   */
  run<A>(query: (sql: Sql) => Promise<A>): Promise<A>
  /** Closes all connections; what still runs has up to `seconds` to end. */
  close(seconds?: number): Promise<void>
}

/** The connections of one pool: made at a bounded pace, and all of them can be cut at once. */
const makeSockets = () => {
  const open = new Set<Socket>()
  let next = 0
  const make = async ({ host, port, path }: Record<string, unknown>): Promise<Socket> => {
    const now = performance.now()
    const at = Math.max(now, next)
    next = at + 1_000 / CONNECTS_PER_SECOND
    if (at > now) await new Promise((resume) => setTimeout(resume, at - now))
    const socket =
      typeof path === "string"
        ? connect(path)
        : connect({ host: (host as string[])[0] as string, port: (port as number[])[0] as number })
    // postgres.js reads the host here for the certificate's name.
    Object.assign(socket, { host: (host as string[])[0] })
    open.add(socket)
    socket.once("close", () => open.delete(socket))
    return socket
  }
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  return { make, cut }
}

const openPool = (url: string, { name, maxConnections, deadlineMillis }: OpenDatabaseOptions) => {
  const sockets = makeSockets()
  const sql = postgres(url, {
    max: maxConnections,
    connect_timeout: CONNECT_DEADLINE_SECONDS,
    backoff: () => RECONNECT_SECONDS,
    onnotice: () => {},
    // It would ask for the server's types on each new connection, as a promise that nobody handles: a
    // reset at that moment would end the process.
    fetch_types: false,
    connection: {
      application_name: `write-buffer-${name}`,
      statement_timeout: Math.max(100, deadlineMillis - STATEMENT_MARGIN_MILLIS),
      lock_timeout: 3_000,
      idle_in_transaction_session_timeout: 15_000,
      client_connection_check_interval: 1_000,
    },
    // Of its options the types do not know this one; the driver has it since 3.3.
    ...{ socket: sockets.make },
  })
  return { sql, cut: sockets.cut }
}

/** Opens a database; connections are made when a query needs one. */
export const openDatabase = (url: string, options: OpenDatabaseOptions): Database => {
  let pool = openPool(url, options)

  const rebuild = (stale: typeof pool) => {
    if (pool !== stale) return
    pool = openPool(url, options)
    void stale.sql.end({ timeout: 0 }).finally(stale.cut)
  }

  return {
    run: (query) => {
      const used = pool
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new DeadlinePassed(`no answer within ${options.deadlineMillis} ms`))
          rebuild(used)
        }, options.deadlineMillis)
        query(used.sql)
          // The driver would send the next query on the socket that has just failed and not closed yet,
          // and forget it there: whoever tries again does so a turn later.
          .then(resolve, (error) => setImmediate(reject, error))
          .finally(() => clearTimeout(timer))
      })
    },
    close: async (seconds = 0) => {
      await pool.sql.end({ timeout: seconds })
      pool.cut()
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

/** The row of a key, or undefined. Versions are below 2^53 until the year 2255. */
export const selectRow = async (sql: Sql, key: string): Promise<Row | undefined> => {
  const [row] = await sql<[{ value: string; version: string; updated_at: Date }?]>`
    select value, version, updated_at from key_values where key = ${key}`
  return (
    row && {
      key,
      value: row.value,
      version: Number(row.version),
      updated_at: row.updated_at.toISOString(),
    }
  )
}

/** The highest version in the table, 0 when it is empty. A scan: asked once for each life of Redis' data. */
export const selectHighestVersion = async (sql: Sql): Promise<number> => {
  const [row] = await sql<[{ highest: string }]>`
    select coalesce(max(version), 0) as highest from key_values`
  return Number(row.highest)
}

/** Whether the server answers at all. */
export const ping = async (sql: Sql): Promise<void> => {
  await sql`select 1`
}

/** A short reason for a log line. Messages of PostgreSQL quote keys, so only the code is kept. */
export const databaseErrorReason = (error: unknown): string =>
  error instanceof DeadlinePassed
    ? "deadline passed"
    : String((error as { code?: unknown } | null)?.code ?? "unknown error")
