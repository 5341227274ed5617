/**
 * REDIS_URL, understood: redis://, rediss:// (TLS), the same two of Valkey, and unix:// for a socket. The
 * parameters about TLS are those of DATABASE_URL.
 */
import type { ConnectionOptions } from "node:tls"
import {
  type Address,
  leftOver,
  parseStoreUrl,
  type StoreUrl,
  take,
  takeFlag,
  takeWord,
  UrlError,
} from "../store-url.ts"
import { serverOf, takeTls } from "../tls.ts"

const FALLBACK: Address = { host: "localhost", port: 6379 }

/** Limits and habits of redis-py, go-redis, node-redis, Lettuce and others. */
const OF_OTHERS: ReadonlySet<string> = new Set([
  ...["timeout", "connect_timeout", "socket_timeout", "socket_connect_timeout", "retry_on_timeout"],
  ...["dial_timeout", "read_timeout", "write_timeout", "max_retries", "min_idle_conns"],
  ...["max_connections", "pool_size", "pool_timeout", "connection_limit", "idle_timeout"],
  ...["health_check_interval", "decode_responses", "encoding", "protocol", "clientName"],
  ...["client_name", "name", "family", "socket_keepalive", "max_idle_conns", "conn_max_idle_time"],
  ...["enableReadyCheck", "maxRetriesPerRequest", "connectTimeout", "keepAlive", "lazyConnect"],
  ...["abortConnect", "connectRetry", "syncTimeout", "allowAdmin"],
])

/** redis-py's and Celery's words for what sslmode says. */
const CERTIFICATE_NEEDS = {
  none: "require",
  cert_none: "require",
  optional: "verify-full",
  cert_optional: "verify-full",
  required: "verify-full",
  cert_required: "verify-full",
} as const

/** Says it in the words of sslmode, unless the URL has them as well. */
const translate = (url: StoreUrl): void => {
  const names = Object.keys(CERTIFICATE_NEEDS) as (keyof typeof CERTIFICATE_NEEDS)[]
  const needs = takeWord(url, "ssl_cert_reqs", names)
  const mode = needs && CERTIFICATE_NEEDS[needs]
  // The certificate alone: without an authority of one's own that is no check, and is refused.
  const isNameless = takeFlag(url, "ssl_check_hostname") === false
  const sslmode = isNameless && mode !== "require" ? "verify-ca" : mode
  if (sslmode) url.parameters.set("sslmode", url.parameters.get("sslmode") ?? sslmode)
}

export interface RedisUrl {
  /** As ioredis takes them. */
  readonly options: {
    readonly host?: string
    readonly port?: number
    readonly path?: string
    readonly username?: string
    readonly password?: string
    readonly db: number
    readonly tls?: ConnectionOptions
  }
  /** For people; no credentials. */
  readonly where: string
  readonly leftOut: ReadonlyArray<string>
}

const databaseOf = (text: string): number => {
  if (!/^\d{1,5}$/.test(text))
    throw new UrlError("its path is the number of a database, such as /0")
  return Number(text)
}

/**
 * Reads a URL of Redis.
 * @throws {UrlError} that says what cannot be read or is not supported.
 */
export const parseRedisUrl = (text: string): RedisUrl => {
  const url = parseStoreUrl(text, FALLBACK)
  const [address = FALLBACK] = url.addresses
  if (url.addresses.length > 1) throw new UrlError("it names one host")
  const isSocket = url.scheme.endsWith("unix")
  const path = isSocket ? `/${url.path}` : address.host.startsWith("/") ? address.host : null
  translate(url)
  const isSecure = /^(rediss|valkeys)$/.test(url.scheme)
  const tls = takeTls(url, isSecure ? "verify-full" : "disable")
  if (isSecure !== (tls.mode !== "disable")) {
    throw new UrlError("encryption begins with rediss://, and redis:// is without")
  }
  const database = take(url, "db") ?? (isSocket ? "" : url.path)
  const db = database === "" ? 0 : databaseOf(database)
  const user = take(url, "user", "username") ?? url.user
  const password = take(url, "password") ?? url.password
  // Who needs none is the user "default"; any other word there is a password that was meant.
  if (password === "" && user !== "" && user !== "default") {
    throw new UrlError("a password stands behind a colon: redis://:password@host")
  }
  return {
    options: {
      ...(path === null ? { host: address.host, port: address.port } : { path }),
      ...(password !== "" && { password, ...(user !== "" && { username: user }) }),
      db,
      ...(isSecure && { tls: { ...serverOf(address.host), ...tls.options } }),
    },
    where:
      path ?? `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`,
    leftOut: leftOver(url, OF_OTHERS),
  }
}
