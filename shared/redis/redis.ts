/**
 * The one door to Redis: to one server, or to the master that a cluster or Sentinels name. A connection never
 * sends a command twice and never keeps one for later: what cannot be sent now fails now, and what got no reply
 * in time fails as of unknown outcome (`isUnknownOutcome`). Reconnecting goes on for ever, with a bounded delay.
 */
import { Redis } from "ioredis"
import { reread } from "../config.ts"
import { MasterConnector } from "./connector.ts"
import { makeIsElsewhere } from "./elsewhere.ts"
import { parseRedisUrl } from "./url.ts"

/** A reply takes well under a millisecond; a second is a Redis that is not there. */
export const COMMAND_DEADLINE_MILLIS = 1_000

/** A connection with commands and without a byte for this long is dead (a black hole, a freeze). */
const SOCKET_DEADLINE_MILLIS = 2_000

/** Where others can be asked for another address: a failover is over sooner than the dead one is given up. */
const FOUND_DEADLINE_MILLIS = 1_000

/** The scripts need `#!lua`. A Redis before it would take writes that no worker could ever claim. */
const OLDEST_MAJOR = 7

/** First words of Redis' answers; the password may be another one by now. */
const LOGIN_REFUSED = new Set(["WRONGPASS", "NOAUTH"])

/** Short, so that writes are accepted again within a second of Redis' return. */
const RECONNECT_MIN_MILLIS = 50
const RECONNECT_MAX_MILLIS = 500

/** What a connection learns while it is made. */
export interface Link {
  /** How many connections there have been, this one included. */
  connections: number
  /** Why there is none: the first word of Redis' answer, a code of the network, or a sentence of ours. */
  trouble: string | null
  /** Redis' own, or the one that a Valkey stands for; null where Redis does not say. */
  version: string | null
  /** False: the user may not ask for INFO, so that neither version nor role nor a promotion is seen. */
  canAsk: boolean
}

export type Connection = Redis & { readonly link: Link }

export interface OpenRedisOptions {
  /** Shown by `redis-cli client list`. */
  readonly name: string
  /** In a cluster: the key, such as the queue's name, to whose slot's owner it connects. */
  readonly slotOf?: string
  /** For a connection that blocks: how long a blocking command may take, in milliseconds. */
  readonly blockingMillis?: number
  /** Asked when Redis refuses the login: the URL as it is now, where a file holds it. */
  readonly reread?: () => string | undefined
}

type Info = Readonly<Record<string, string>>

const NO_SUCH_DATABASE = "Redis has no database of the number in REDIS_URL"

/** Why a Redis that answers cannot hold the queue; null when it can. */
const unfit = ({ redis_version: version, role }: Info, isSelected: boolean): string | null => {
  if (!isSelected) return NO_SUCH_DATABASE
  if (version !== undefined && Number.parseInt(version, 10) < OLDEST_MAJOR) {
    return `Redis is ${version}, and ${OLDEST_MAJOR} or newer is needed`
  }
  return role === "slave" ? "Redis is a replica, which only reads" : null
}

/** What the driver asks between "connect" and "ready", and whom it asks about the answer. */
interface Internals {
  readonly connector: {
    check: (info: Info) => boolean
    /** Of those that ask where to go (`connector.ts`). */
    readonly distrust?: () => void
  }
  info: (...args: ReadonlyArray<unknown>) => Promise<unknown>
}

type Callback = (error: Error | null, text?: string) => void

/** The driver would print past our log, at each attempt, that its user may not ask for INFO. */
const askQuietly = (driver: Internals, onAnswer: (canAsk: boolean) => void) => {
  const info = driver.info.bind(driver)
  driver.info = (...args) => {
    const callback = args.at(-1)
    if (typeof callback !== "function") return info(...args)
    const answer: Callback = (error, text) => {
      const isForbidden = isRefusal(error) && firstWord(error) === "NOPERM"
      onAnswer(!isForbidden)
      ;(callback as Callback)(isForbidden ? null : error, isForbidden ? "" : text)
    }
    return info(...args.slice(0, -1), answer)
  }
}

/**
 * Keeps `link` true, and makes the driver drop a connection that cannot hold the queue before anything is
 * sent on it. The driver itself would go on in database 0 when Redis refuses the one that was named.
 */
const watch = (redis: Redis, reread: OpenRedisOptions["reread"]): Link => {
  const link: Link = { connections: 0, trouble: null, version: null, canAsk: true }
  let isSelected = true
  // Heard before the first command can be sent: the driver asks for INFO between the two.
  redis.on("connect", () => {
    link.connections += 1
    isSelected = true
  })
  redis.on("ready", () => {
    link.trouble = null
  })
  // Each command reports its own failure; an unheard "error" would end the process.
  redis.on("error", (error: Error & { code?: string; command?: { name: string } }) => {
    const code = error.code ?? error.name
    link.trouble = isRefusal(error) ? firstWord(error) : code
    if (error.command?.name === "select") {
      isSelected = false
      link.trouble = NO_SUCH_DATABASE
    }
    const url = LOGIN_REFUSED.has(link.trouble.split(" ", 1)[0] ?? "") ? reread?.() : undefined
    // The driver reads its options anew for each connection.
    if (url !== undefined) Object.assign(redis.options, parseRedisUrl(url).options)
  })
  const driver = redis as unknown as Internals
  askQuietly(driver, (canAsk) => {
    link.canAsk = canAsk
  })
  const accepts = driver.connector.check.bind(driver.connector)
  driver.connector.check = (info) => {
    link.version = info.redis_version ?? null
    const reason = unfit(info, isSelected)
    if (reason !== null) redis.emit("error", Object.assign(new Error(reason), { code: reason }))
    return reason === null && accepts(info)
  }
  return link
}

const distrust = (redis: Redis) => (redis as unknown as Internals).connector.distrust?.()

/** Opens a connection that connects by itself, and again whenever it is lost. Never rejects. */
export const openRedis = (
  url: string,
  { name, slotOf = "", blockingMillis, reread }: OpenRedisOptions,
) => {
  const deadline = COMMAND_DEADLINE_MILLIS + (blockingMillis ?? 0)
  const { options } = parseRedisUrl(url)
  const { isElsewhere, onConnect } = makeIsElsewhere()
  const redis: Redis = new Redis({
    ...options,
    ...(options.seeds && { slotOf, Connector: MasterConnector }),
    connectionName: `write-buffer-${name}`,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: deadline,
    socketTimeout: Math.max(SOCKET_DEADLINE_MILLIS, deadline + COMMAND_DEADLINE_MILLIS),
    connectTimeout: options.seeds ? FOUND_DEADLINE_MILLIS : SOCKET_DEADLINE_MILLIS,
    retryStrategy: (attempt) => Math.min(RECONNECT_MIN_MILLIS * attempt, RECONNECT_MAX_MILLIS),
    // Connect again, and do not send again.
    reconnectOnError: (error) => {
      const isAway = isElsewhere(error)
      if (isAway) distrust(redis)
      return isAway
    },
    ...(blockingMillis !== undefined && { blockingTimeout: deadline }),
  })
  redis.on("connect", onConnect)
  return Object.assign(redis, { link: watch(redis, reread) }) as Connection
}

/** Waits until the connection can be used, and no longer than `limitMillis`: a start without Redis is a start. */
export const untilReady = (redis: Redis, limitMillis = COMMAND_DEADLINE_MILLIS): Promise<void> =>
  new Promise((resolve) => {
    if (redis.status === "ready") return resolve()
    const timer = setTimeout(resolve, limitMillis)
    redis.once("ready", () => {
      clearTimeout(timer)
      resolve()
    })
  })

/** A service's connection: ready, or in trouble that `link` tells. Secrets that rotate are read anew. */
export const connectRedis = async (url: string, options: Omit<OpenRedisOptions, "reread">) => {
  const redis = openRedis(url, { ...options, reread: () => reread("REDIS_URL") })
  await untilReady(redis)
  return redis
}

/** Redis answered, and the answer is no: the script had no effect (it validates before it writes). */
export const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && error.name === "ReplyError"

/** Nothing was sent: the connection was not there. */
const isUnsent = (error: unknown) =>
  error instanceof Error && error.message.startsWith("Stream isn't writeable")

/** The command may have had its effect: it was sent, and the reply was lost or late. */
export const isUnknownOutcome = (error: unknown) => !isRefusal(error) && !isUnsent(error)

const firstWord = (error: Error) => /^[A-Z]+/.exec(error.message)?.[0] ?? "refused"

/** A short reason for a log line. Messages of ioredis may carry arguments, so only the kind is kept. */
export const redisErrorReason = (error: unknown, link?: Link): string => {
  if (isRefusal(error)) return firstWord(error)
  if (!isUnsent(error)) return "no reply"
  return link?.trouble ? `not connected: ${link.trouble}` : "not connected"
}

/** What Redis is set to, of the settings that match these names. Rejects where CONFIG is forbidden. */
export const settingsOf = async (redis: Redis, names: readonly [string, ...string[]]) => {
  const flat = (await redis.config("GET", ...names)) as string[]
  return new Map(
    flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? ""] as const] : [])),
  )
}

/** A master that became a replica still answers who only reads: connects again, which is refused there. */
export const leaveReplica = async (redis: Redis): Promise<void> => {
  const text = await redis.info("replication").catch(() => "")
  if (/^role:slave/m.test(text)) redis.disconnect(true)
}

/** Ends the connection, and makes another one, elsewhere if anybody names another master. */
export const reconnect = (redis: Redis) => {
  distrust(redis)
  redis.disconnect(true)
}

/** Closes a connection at once; every command that waits for a reply fails. */
export const closeRedis = (redis: Redis) => redis.disconnect()
