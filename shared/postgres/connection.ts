/**
 * One connection to PostgreSQL: a driver's pool of one that is thrown away with its socket. The driver's own
 * pool looks for a connection in a list that grows with every query, and what its connections had not
 * sent when they broke stays in front of what they send when they are back.
 */
import type { Socket } from "node:net"
import postgres from "postgres"
import type { Address } from "../store-url.ts"
import { type Encryption, openSocket, SocketError } from "./socket.ts"
import type { PostgresUrl } from "./url.ts"

export type Sql = postgres.Sql
/** What runs statements, in a transaction or not. */
export type Runner = postgres.ISql<Record<never, never>>

export interface ConnectionOptions {
  /** Shown as application_name in pg_stat_activity. */
  readonly name: string
  /** On the server's side a statement ends after so long, with a SQLSTATE. */
  readonly statementMillis: number
  /** Resolves when the next connection may be made. */
  readonly pace: () => Promise<void>
}

/** What the server said when the connection was new. */
export interface ServerState {
  readonly isStandby: boolean
  readonly isReadOnly: boolean
}

export interface Connection extends ServerState {
  readonly sql: Sql
  /** It is of no use for new queries: its socket is closed, or the server's state has changed. */
  readonly spent: Promise<void>
  /** Closes it at once, or when what runs has ended, within so many seconds. */
  close(seconds?: number): Promise<void>
}

const CONNECT_DEADLINE_SECONDS = 3

/** A session is told of changes of these; then old connections may be on the wrong server. */
const STATE_SETTINGS = new Set(["default_transaction_read_only", "in_hot_standby"])

/**
 * Settings that change what is read from text or written as text, whatever the database or the role has.
 * PgBouncer knows these four and keeps them apart for each client.
 */
const TEXT_SETTINGS = {
  client_encoding: "UTF8",
  DateStyle: "ISO, YMD",
  TimeZone: "UTC",
  standard_conforming_strings: "on",
}

const settingsOf = (url: PostgresUrl, { name, statementMillis }: ConnectionOptions) => ({
  ...url.settings,
  application_name: `${url.applicationName}-${name}`,
  ...TEXT_SETTINGS,
  ...(!url.isPgBouncer && {
    IntervalStyle: "postgres",
    extra_float_digits: 1,
    bytea_output: "hex",
    statement_timeout: statementMillis,
    lock_timeout: 3_000,
    idle_in_transaction_session_timeout: 15_000,
    client_connection_check_interval: 1_000,
  }),
})

/**
 * The first query. A commit that is answered before it is on disk would be lost with the server, after the
 * queue has deleted the only other copy: `off` is raised to the default, and every stronger value stays.
 */
const GREETING = `
  select pg_is_in_recovery() as "isStandby",
    current_setting('transaction_read_only') = 'on' as "isReadOnly",
    case when current_setting('synchronous_commit') = 'off'
      then set_config('synchronous_commit', 'on', false) end`

/** Opens a connection to one server, one way; `track` is given the socket, which can be cut from then on. */
export const openConnection = async (
  url: PostgresUrl,
  address: Address,
  encryption: Encryption,
  options: ConnectionOptions,
  track: (socket: Socket) => void,
): Promise<Connection> => {
  const spent = Promise.withResolvers<void>()
  let isUsed = false
  let isReady = false
  let cut = () => {}
  const makeSocket = async () => {
    // The driver would connect again for what it could not send.
    if (isUsed) throw new SocketError("CONNECTION_CLOSED", "the connection is closed")
    isUsed = true
    await options.pace()
    const socket = await openSocket(address, url.tls, encryption, track)
    cut = () => socket.destroy()
    return socket.once("close", () => {
      spent.resolve()
      // What the driver has not sent yet would wait for a socket that nobody makes.
      void close()
    })
  }
  const sql = postgres({
    ...{ host: address.host, port: address.port, database: url.database, max: 1, ssl: false },
    ...{ username: url.user, password: url.password, prepare: url.canPrepare, debug: false },
    ...{ idle_timeout: 0, max_lifetime: 0, connect_timeout: CONNECT_DEADLINE_SECONDS },
    // It would ask for the server's types on each new connection, as a promise that nobody handles: a
    // reset at that moment would end the process.
    fetch_types: false,
    onnotice: () => {},
    onparameter: (name: string) => {
      if (isReady && STATE_SETTINGS.has(name)) spent.resolve()
    },
    connection: settingsOf(url, options),
    // Of its options the types do not know this one; the driver has it since 3.3.
    ...{ socket: makeSocket },
  })
  const close = async (seconds = 0) => {
    await sql.end({ timeout: seconds })
    cut()
  }
  try {
    const [state] = await sql.unsafe<[ServerState]>(GREETING)
    isReady = true
    return { ...state, sql, spent: spent.promise, close }
  } catch (error) {
    void close()
    throw error
  }
}
