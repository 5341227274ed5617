/**
 * The two stores of `npm start`: those that DATABASE_URL and REDIS_URL name, which must answer, or
 * embedded ones, whose data lie in one directory. Every error is a line that says what to change.
 */
import { access, constants, mkdir } from "node:fs/promises"
import { resolve } from "node:path"
import { type Config, LOCAL_DATABASE_URL, LOCAL_REDIS_URL } from "../shared/config.ts"
import { openDatabase, ping } from "../shared/database.ts"
import { describeAddresses, parsePostgresUrl } from "../shared/postgres-url.ts"
import { closeQueue, openQueue, queueErrorReason, untilReady } from "../shared/queue.ts"
import { parseRedisUrl } from "../shared/redis-url.ts"
import { describeFailure, hasAnswered } from "../shared/refusal.ts"
import { lock } from "./lock.ts"
import { isFree } from "./port.ts"
import { startPostgres, stopLeftoverPostgres } from "./postgres.ts"
import { nativeRedis, startRedis, stopLeftoverRedis } from "./redis.ts"
import { type Store, shown } from "./store.ts"
import { say } from "./terminal.ts"

const ANSWER_LIMIT_MS = 5_000

/** Where the embedded stores are; their ports by default the ones that all processes try. */
export interface Place {
  readonly directory: string
  readonly databasePort: number
  readonly redisPort: number
}

export const PLACE: Place = {
  directory: ".data",
  databasePort: Number(new URL(LOCAL_DATABASE_URL).port),
  redisPort: Number(new URL(LOCAL_REDIS_URL).port),
}

export interface Used {
  readonly url: string
  readonly description: string
  /** Ours to stop; null when the user named it. */
  readonly store: Store | null
}

const checkDatabase = async (url: string): Promise<Used> => {
  const where = describeAddresses(parsePostgresUrl(url).addresses)
  const options = { name: "start", maxConnections: 1, deadlineMillis: ANSWER_LIMIT_MS }
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
  const redis = openQueue(url, { name: "start" })
  let reason: string | undefined
  const failed = new Promise<void>((resolve) => {
    redis.once("error", (error: NodeJS.ErrnoException) => {
      reason = error.code
      resolve()
    })
  })
  try {
    await Promise.race([untilReady(redis, ANSWER_LIMIT_MS), failed])
    await redis.ping()
    return { url, description: `Redis at ${where} (REDIS_URL)`, store: null }
  } catch (error) {
    throw new Error(
      `REDIS_URL: the Redis at ${where} does not answer (${reason ?? queueErrorReason(error)}): ` +
        "start it, correct the URL, or unset it to use the embedded one",
    )
  } finally {
    closeQueue(redis)
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

/** Which of them are ours: those whose URL is not set. */
export const isEmbedded = (config: Config) => ({
  database: config.DATABASE_URL === LOCAL_DATABASE_URL,
  redis: config.REDIS_URL === LOCAL_REDIS_URL,
})

const folders = ({ directory }: Place) => ({
  database: resolve(directory, "postgres"),
  redis: resolve(directory, "redis"),
})

/**
 * Before anything starts: makes the directory ours alone and its ports free. Resolves to what gives
 * the directory back.
 * @throws one line that says what to change.
 */
export const prepareStores = async (config: Config, place: Place): Promise<() => Promise<void>> => {
  const { database, redis } = isEmbedded(config)
  if (!database && !redis) return async () => {}
  await makeDirectory(resolve(place.directory))
  const release = await lock(resolve(place.directory))
  try {
    if (database) {
      sayStopped("PostgreSQL", await stopLeftoverPostgres(folders(place).database))
      await checkPort(place.databasePort, "set DATABASE_URL to a PostgreSQL of yours")
    }
    if (redis) {
      sayStopped("Redis", await stopLeftoverRedis(folders(place).redis))
      await checkPort(place.redisPort, "set REDIS_URL to a Redis of yours")
    }
    return release
  } catch (error) {
    await release()
    throw error
  }
}

type OnLine = (line: string) => void

/** @throws one line, or the server's own last lines when an embedded one does not start. */
export const openDatabaseStore = async (
  config: Config,
  place: Place,
  onLine: OnLine,
): Promise<Used> => {
  if (!isEmbedded(config).database) return await checkDatabase(config.DATABASE_URL)
  const directory = folders(place).database
  // Not a line every five minutes while all is well.
  const settings = { log_checkpoints: "off" }
  const store = await startPostgres({ directory, port: place.databasePort, settings, onLine })
  return { url: store.url, description: store.description, store }
}

/** @throws as `openDatabaseStore` does. */
export const openRedisStore = async (
  config: Config,
  place: Place,
  onLine: OnLine,
): Promise<Used> => {
  if (!isEmbedded(config).redis) return await checkRedis(config.REDIS_URL)
  const directory = folders(place).redis
  const kind = nativeRedis() === null ? "wasm" : "native"
  const store = await startRedis({ directory, kind, port: place.redisPort, onLine })
  return { url: store.url, description: store.description, store }
}
