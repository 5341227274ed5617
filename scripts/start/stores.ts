/**
 * The two stores of `npm start`: those that DATABASE_URL and REDIS_URL name, which must answer, or
 * embedded ones, whose data lie in one directory. Every error is a line that says what to change.
 */
import { access, constants, mkdir } from "node:fs/promises"
import { resolve } from "node:path"
import { type Config, isGiven, localDatabaseUrl, localRedisUrl } from "../../shared/config.ts"
import { openDatabase, ping } from "../../shared/postgres/postgres.ts"
import { describeFailure, hasAnswered } from "../../shared/postgres/refusal.ts"
import { describeAddresses, parsePostgresUrl } from "../../shared/postgres/url.ts"
import { closeRedis, openRedis, redisErrorReason, untilReady } from "../../shared/redis/redis.ts"
import { parseRedisUrl } from "../../shared/redis/url.ts"
import { isFree } from "../servers/port.ts"
import { startPostgres, stopLeftoverPostgres } from "../servers/postgres.ts"
import { nativeRedis, startRedis, stopLeftoverRedis } from "../servers/redis.ts"
import { type Store, shown } from "../servers/store.ts"
import { lock } from "./lock.ts"
import { say } from "./terminal.ts"

const ANSWER_LIMIT_MILLIS = 5_000

export type StoresConfig = Pick<
  Config<"stores">,
  "DATABASE_URL" | "REDIS_URL" | "POSTGRES_PORT" | "REDIS_PORT"
>

export interface Used {
  readonly url: string
  readonly description: string
  /** Ours to stop; null when the user named it. */
  readonly store: Store | null
}

const checkDatabase = async (url: string): Promise<Used> => {
  const where = describeAddresses(parsePostgresUrl(url).addresses)
  const options = { name: "start", maxConnections: 1, deadlineMillis: ANSWER_LIMIT_MILLIS }
  const database = openDatabase(url, options)
  try {
    await database.run(ping)
    return { url, description: `PostgreSQL at ${where} (DATABASE_URL)`, store: null }
  } catch (error) {
    const start = hasAnswered(error) ? "" : "start it, "
    throw new Error(
      `DATABASE_URL: ${describeFailure(where, error)}: ` +
        `${start}correct the URL, or unset it to use the embedded one`,
    )
  } finally {
    await database.close()
  }
}

const checkRedis = async (url: string): Promise<Used> => {
  const { where } = parseRedisUrl(url)
  const redis = openRedis(url, { name: "start" })
  const failed = new Promise<void>((resolve) => redis.once("error", () => resolve()))
  try {
    await Promise.race([untilReady(redis, ANSWER_LIMIT_MILLIS), failed])
    await redis.ping()
    return { url, description: `Redis at ${where} (REDIS_URL)`, store: null }
  } catch (error) {
    const reason = redis.link.trouble ?? redisErrorReason(error)
    const isAway = /^(E[A-Z_]+|no reply)$/.test(reason)
    throw new Error(
      `REDIS_URL: the Redis at ${where} ` +
        (isAway ? `does not answer (${reason}): start it, ` : `cannot be used (${reason}): `) +
        "correct the URL, or unset it to use the embedded one",
    )
  } finally {
    closeRedis(redis)
  }
}

/** @throws a line that says what to change. */
export const checkPort = async (port: number, instead: string): Promise<void> => {
  if (port !== 0 && !(await isFree(port))) {
    throw new Error(`Port ${port} is in use. Stop what uses it, or ${instead}`)
  }
}

const makeDirectory = async (directory: string): Promise<void> => {
  try {
    await mkdir(directory, { recursive: true })
    await access(directory, constants.W_OK)
  } catch (error) {
    throw new Error(
      `Cannot write to ${shown(directory)} (${(error as NodeJS.ErrnoException).code}): ` +
        "give it to the user who starts this, or set DATABASE_URL and REDIS_URL",
    )
  }
}

const sayStopped = (what: string, pid: number | null): void => {
  if (pid !== null) say(`Stopped a ${what} left over from an earlier start (process ${pid}).`)
}

/** Which of the two stores are ours: those whose URL is not set. */
export const isEmbedded = (config: StoresConfig) => ({
  database:
    config.DATABASE_URL === localDatabaseUrl(config.POSTGRES_PORT) && !isGiven("DATABASE_URL"),
  redis: config.REDIS_URL === localRedisUrl(config.REDIS_PORT) && !isGiven("REDIS_URL"),
})

const folders = (directory: string) => ({
  database: resolve(directory, "postgres"),
  redis: resolve(directory, "redis"),
})

/**
 * Before anything starts: takes the directory for this start alone, stops leftovers on it, and makes sure
 * that the ports are free. Resolves to a function that gives the directory back.
 * @throws one line that says what to change.
 */
export const prepareStores = async (
  config: StoresConfig,
  directory: string,
): Promise<() => Promise<void>> => {
  const { database, redis } = isEmbedded(config)
  if (!database && !redis) return async () => {}
  await makeDirectory(resolve(directory))
  const release = await lock(resolve(directory))
  try {
    if (database) {
      sayStopped("PostgreSQL", await stopLeftoverPostgres(folders(directory).database))
      await checkPort(config.POSTGRES_PORT, "set POSTGRES_PORT, or DATABASE_URL to one of yours")
    }
    if (redis) {
      sayStopped("Redis", await stopLeftoverRedis(folders(directory).redis))
      await checkPort(config.REDIS_PORT, "set REDIS_PORT, or REDIS_URL to one of yours")
    }
    return release
  } catch (error) {
    await release()
    throw error
  }
}

type OnLine = (line: string) => void

const used = (store: Store): Used => ({
  url: store.url,
  description: `${store.description}, port ${store.port}`,
  store,
})

/** @throws one line, or the server's own last lines when an embedded one does not start. */
export const openDatabaseStore = async (
  config: StoresConfig,
  wanted: string,
  onLine: OnLine,
): Promise<Used> => {
  if (!isEmbedded(config).database) return await checkDatabase(config.DATABASE_URL)
  const directory = folders(wanted).database
  // Or PostgreSQL would print a line every five minutes while all is well.
  const settings = { log_checkpoints: "off" }
  return used(await startPostgres({ directory, port: config.POSTGRES_PORT, settings, onLine }))
}

/** @throws as `openDatabaseStore` does. */
export const openRedisStore = async (
  config: StoresConfig,
  wanted: string,
  onLine: OnLine,
): Promise<Used> => {
  if (!isEmbedded(config).redis) return await checkRedis(config.REDIS_URL)
  const directory = folders(wanted).redis
  const kind = nativeRedis() === null ? "wasm" : "native"
  return used(await startRedis({ directory, kind, port: config.REDIS_PORT, onLine }))
}
