/**
 * DATABASE_URL, understood: where PostgreSQL is, who we are there, how the way is encrypted, and what its
 * sessions are. Parameters mean what they mean to libpq, and to a few clients whose URLs providers print.
 */
import {
  type Address,
  leftOver,
  parseStoreUrl,
  type StoreUrl,
  take,
  takeFlag,
  takeWord,
} from "../store-url.ts"
import { type Tls, takeTls } from "../tls.ts"

const ROLES = ["any", "primary", "read-write", "standby", "read-only", "prefer-standby"] as const
/** What kind of server a session may be on, in libpq's words. */
export type ServerRole = (typeof ROLES)[number]

export interface PostgresUrl {
  readonly addresses: ReadonlyArray<Address>
  readonly user: string
  readonly password: string
  readonly database: string
  readonly tls: Tls
  /** Null when the URL does not say. */
  readonly role: ServerRole | null
  /** False: a pooler may give each statement another session, which knows no prepared ones. */
  readonly canPrepare: boolean
  /** A pooler that refuses to start a session with settings it does not know. */
  readonly isPgBouncer: boolean
  /** The first part of the name that the server shows for a session. */
  readonly applicationName: string
  /** Settings of each session that the URL asks for. */
  readonly settings: Readonly<Record<string, string>>
  /** Names of parameters for other clients, that have no meaning here. */
  readonly leftOut: ReadonlyArray<string>
}

const FALLBACK: Address = { host: "localhost", port: 5432 }

/** Limits and habits of other clients and their pools. What protects a connection is never among them. */
const OF_OTHERS: ReadonlySet<string> = new Set([
  // libpq. Nobody without its C library can bind a channel, and providers ask everybody for it.
  ...["channel_binding", "connect_timeout", "client_encoding", "fallback_application_name"],
  ...["keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"],
  ...["tcp_user_timeout", "krbsrvname", "gsslib", "gssdelegation"],
  ...["sslcompression", "sslsni", "load_balance_hosts", "max_protocol_version"],
  // Ours, and not an operator's: deadlines, and how times and texts are read, depend on them.
  ...["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"],
  ...["timezone", "TimeZone", "charset"],
  // Pools of Prisma, node-postgres, postgres.js, pgx, SQLAlchemy, Rails, Doctrine, Npgsql and JDBC.
  ...["connection_limit", "pool_timeout", "socket_timeout", "max_idle_connection_lifetime"],
  ...["max", "min", "idle_timeout", "idleTimeoutMillis", "connectionTimeoutMillis"],
  ...["max_lifetime", "max_pipeline", "keep_alive", "fetch_types", "query_timeout", "keepAlive"],
  ...["pool", "pool_size", "pool_max_conns", "pool_min_conns", "pool_max_conn_lifetime"],
  ...["pool_max_conn_idle_time", "pool_health_check_period", "max_overflow", "timeout"],
  ...["reaping_frequency", "checkout_timeout", "encoding", "adapter", "binary_parameters"],
  ...["description_cache_capacity", "default_query_exec_mode", "command_timeout"],
  ...["connectTimeout", "socketTimeout", "loginTimeout", "tcpKeepAlive", "reWriteBatchedInserts"],
  ...[
    "ApplicationName",
    "uselibpqcompat",
    "workaround",
    "supa",
    "connection_timeout",
    "serverVersion",
  ],
])

/** JDBC's words. Those that prefer a primary are content with any server. */
const JDBC_ROLES = {
  any: "any",
  primary: "primary",
  master: "primary",
  slave: "standby",
  secondary: "standby",
  preferslave: "prefer-standby",
  prefersecondary: "prefer-standby",
  preferprimary: "any",
} as const

/** The role of the server that the URL asks for. */
const takeRole = (url: StoreUrl): ServerRole | null => {
  const names = Object.keys(JDBC_ROLES) as (keyof typeof JDBC_ROLES)[]
  const ofJdbc = takeWord(url, "targetServerType", names)
  return takeWord(url, "target_session_attrs", ROLES) ?? (ofJdbc ? JDBC_ROLES[ofJdbc] : null)
}

/** Each client has its own word for "no prepared statements". */
const takeCanPrepare = (url: StoreUrl, isPgBouncer: boolean): boolean => {
  const sizes = ["statement_cache_size", "statement_cache_capacity", "prepareThreshold"]
  const isCached = sizes.map((name) => take(url, name) !== "0")
  const flags = ["prepare", "prepared_statements", "preparedStatements"]
  const asked = flags.map((name) => takeFlag(url, name) ?? true)
  return !isPgBouncer && [...isCached, ...asked].every(Boolean)
}

const takeSettings = (url: StoreUrl): Record<string, string> => {
  // Prisma's word, JDBC's, and PostgreSQL's own.
  const path = take(url, "search_path", "schema", "currentSchema")
  const options = take(url, "options")
  return {
    ...(path !== undefined && { search_path: path }),
    ...(options !== undefined && { options }),
  }
}

/**
 * Reads a URL of PostgreSQL.
 * @throws {UrlError} that says what cannot be read or is not supported.
 */
export const parsePostgresUrl = (text: string): PostgresUrl => {
  const url = parseStoreUrl(text, FALLBACK)
  const user = take(url, "user") ?? url.user
  const password = take(url, "password") ?? url.password
  const database = take(url, "dbname") ?? url.path
  const isPgBouncer = takeFlag(url, "pgbouncer") ?? false
  return {
    addresses: url.addresses,
    user,
    password,
    database,
    tls: takeTls(url, "prefer"),
    role: takeRole(url),
    isPgBouncer,
    canPrepare: takeCanPrepare(url, isPgBouncer),
    applicationName: take(url, "application_name") ?? "write-buffer",
    settings: takeSettings(url),
    leftOut: leftOver(url, OF_OTHERS),
  }
}

/** Host and port of each server, for people; no credentials. */
export const describeAddresses = (addresses: ReadonlyArray<Address>): string =>
  addresses
    .map(({ host, port }) =>
      host.startsWith("/") ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`,
    )
    .join(", ")
