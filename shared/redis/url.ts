/**
 * REDIS_URL, understood: redis://, rediss:// (TLS), the same two of Valkey, unix:// for a socket, and several
 * hosts to ask for the Redis in redis+cluster:// and redis+sentinel://, with another s for TLS. The parameters
 * about TLS are those of DATABASE_URL.
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
const SENTINEL_FALLBACK: Address = { host: "localhost", port: 26_379 }

/** Scheme without the s of TLS, kind of those that are asked, and that s. */
const SCHEME = /^(redis(?:\+(cluster|sentinel))?|valkey)(s?)$/

/** As Sentinel takes it. */
const MASTER_NAME = /^[\w.-]{1,128}$/

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

/** Who is asked where the Redis is: nodes of a cluster, or Sentinels. */
export interface Seeds {
  readonly addresses: ReadonlyArray<Address>
  /** The master's name among Sentinels; null in a cluster. */
  readonly master: string | null
  /** Of those that are asked. */
  readonly login: Login
}

interface Login {
  readonly username?: string
  readonly password?: string
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
    readonly seeds?: Seeds
  }
  /** For people; no credentials. */
  readonly where: string
  readonly leftOut: ReadonlyArray<string>
}

const databaseOf = (text: string): number => {
  if (text === "") return 0
  if (!/^\d{1,5}$/.test(text))
    throw new UrlError("its path is the number of a database, such as /0")
  return Number(text)
}

const loginOf = (username: string, password: string): Login => ({
  ...(password !== "" && { password, ...(username !== "" && { username }) }),
})

/** Master and database of what a path says, of those that are asked. */
const nameOf = (kind: string, path: string, database: string | undefined) => {
  if (kind === "cluster") {
    if (!/^0?$/.test(database ?? path)) throw new UrlError("a cluster has no database but 0")
    return { master: null, db: 0 }
  }
  const [master = "", number = "", ...more] = path.split("/")
  if (!MASTER_NAME.test(master) || more.length > 0) {
    throw new UrlError(
      "its path is the name of Sentinel's master, such as /mymaster or /mymaster/1",
    )
  }
  return { master, db: databaseOf(database ?? number) }
}

const seedsOf = (url: StoreUrl, master: string | null, login: Login): Seeds => {
  const { addresses } = url
  if (addresses.some(({ host }) => host.startsWith("/"))) {
    throw new UrlError("a unix socket leads to one Redis: unix:///path")
  }
  if (master === null) return { addresses, master, login }
  const user = take(url, "sentinel_username") ?? ""
  return { addresses, master, login: loginOf(user, take(url, "sentinel_password") ?? "") }
}

const shownAddress = ({ host, port }: Address) =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`

/**
 * Reads a URL of Redis.
 * @throws {UrlError} that says what cannot be read or is not supported.
 */
export const parseRedisUrl = (text: string): RedisUrl => {
  const isSentinel = /^redis\+sentinel/i.test(text)
  const url = parseStoreUrl(text, isSentinel ? SENTINEL_FALLBACK : FALLBACK)
  const [, plain = "redis", kind, secure = ""] = SCHEME.exec(url.scheme) ?? []
  const { addresses } = url
  const [address = FALLBACK] = addresses
  if (addresses.length > 1 && !kind) {
    throw new UrlError(
      "it names one host: several begin with redis+cluster:// or redis+sentinel://",
    )
  }
  const isSocket = url.scheme.endsWith("unix")
  const path = isSocket ? `/${url.path}` : address.host.startsWith("/") ? address.host : null
  translate(url)
  const isSecure = secure === "s"
  const tls = takeTls(url, isSecure ? "verify-full" : "disable")
  if (isSecure !== (tls.mode !== "disable")) {
    throw new UrlError(`encryption begins with ${plain}s://, and ${plain}:// is without`)
  }
  const database = take(url, "db")
  const { master, db } = kind
    ? nameOf(kind, url.path, database)
    : { master: null, db: databaseOf(database ?? (isSocket ? "" : url.path)) }
  const user = take(url, "user", "username") ?? url.user
  const password = take(url, "password") ?? url.password
  // Who needs none is the user "default"; any other word there is a password that was meant.
  if (password === "" && user !== "" && user !== "default") {
    throw new UrlError("a password stands behind a colon: redis://:password@host")
  }
  const login = loginOf(user, password)
  const place = path === null ? { host: address.host, port: address.port } : { path }
  const shown = path ?? addresses.map(shownAddress).join(", ")
  return {
    options: {
      ...(kind ? { seeds: seedsOf(url, master, login) } : place),
      ...login,
      db,
      // Whoever is found may have another name than those that are asked.
      ...(isSecure && { tls: { ...(!kind && serverOf(address.host)), ...tls.options } }),
    },
    where: master === null ? shown : `${master} (Sentinels ${shown})`,
    leftOut: leftOver(url, OF_OTHERS),
  }
}
