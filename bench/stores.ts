/**
 * The stores of a run: a PostgreSQL and a Redis of our own in a directory that goes away, as durable as
 * those of `npm start`; or in what DATABASE_URL and REDIS_URL name a database of our own, and queues
 * with names of our own. Nothing else that is there is touched.
 */
import { randomUUID } from "node:crypto"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { temporaryDirectory } from "../scripts/servers/directory.ts"
import { startPostgres } from "../scripts/servers/postgres.ts"
import { launch } from "../scripts/servers/process.ts"
import { nativeRedis, startRedis } from "../scripts/servers/redis.ts"
import type { Store } from "../scripts/servers/store.ts"
import { loadConfig } from "../shared/config.ts"
import { openDatabase } from "../shared/postgres/postgres.ts"
import type { Cleanup } from "./cleanup.ts"
import { serverOf, withDatabase } from "./database-url.ts"
import { startProxy } from "./distance.ts"

const ADMINISTER_MILLIS = 30_000

/** No checkpoint falls into one contender's load and not into the other's. */
const POSTGRES_SETTINGS = { max_wal_size: "8GB", checkpoint_timeout: "1h" }

/** An outage of the database, as its clients meet it through `url`. */
export interface Outage {
  readonly how: string
  readonly url: string
  begin(): Promise<void>
  end(): Promise<void>
}

export interface PostgresUsed {
  readonly url: string
  readonly description: string
  /** Null when it is not ours: then its CPU time cannot be read. */
  pid(): number | null
  readonly outage: Outage
}

export interface RedisUsed {
  readonly url: string
  readonly description: string
  readonly pid: number | null
  /** Ours and native: its durability may be changed and its memory is its own. */
  readonly isNative: boolean
}

/** Runs one statement on a connection of its own. */
const administer = async (url: string, statement: string): Promise<void> => {
  const options = { name: "bench", maxConnections: 1, deadlineMillis: ADMINISTER_MILLIS }
  const database = openDatabase(url, options)
  try {
    await database.run((sql) => sql.unsafe(statement))
  } finally {
    await database.close(1)
  }
}

const migrate = async (url: string): Promise<void> => {
  const script = fileURLToPath(new URL("../scripts/migrate.ts", import.meta.url))
  const env = { ...process.env, DATABASE_URL: url }
  const child = await launch(process.execPath, [script], { name: "migrate", env })
  if ((await child.exited).code !== 0) throw new Error(child.output())
}

const ownPostgres = async (cleanup: Cleanup, path: string): Promise<PostgresUsed> => {
  const options = { directory: `${path}/postgres`, settings: POSTGRES_SETTINGS }
  let store: Store = await cleanup.add(startPostgres(options))
  const { url, port, description } = store
  await migrate(url)
  return {
    url,
    description: description.replace(/,.*/, ""),
    pid: () => store.pid,
    outage: {
      how: "PostgreSQL is stopped and started again",
      url,
      begin: () => cleanup.stop(store),
      end: async () => {
        store = await cleanup.add(startPostgres({ ...options, port }))
      },
    },
  }
}

/** The user's server is not ours to stop: for an outage the way to it is cut. */
const givenPostgres = async (cleanup: Cleanup, given: string): Promise<PostgresUsed> => {
  const name = `write_buffer_bench_${randomUUID().slice(0, 8)}`
  const url = withDatabase(given, name)
  serverOf(url)
  await administer(given, `create database ${name}`)
  const drop = () => administer(given, `drop database ${name} with (force)`)
  await cleanup.add(Promise.resolve({ stop: drop }))
  await migrate(url)
  let proxy = await cleanup.add(startProxy(url, 0))
  return {
    url,
    description: "PostgreSQL of DATABASE_URL",
    pid: () => null,
    outage: {
      how: "the way to PostgreSQL is cut",
      url: proxy.url,
      begin: () => cleanup.stop(proxy),
      end: async () => {
        proxy = await cleanup.add(startProxy(url, 0, proxy.port))
      },
    },
  }
}

const ownRedis = async (cleanup: Cleanup, path: string): Promise<RedisUsed> => {
  const kind = nativeRedis() === null ? "wasm" : "native"
  const store = await cleanup.add(startRedis({ directory: `${path}/redis`, kind }))
  const durability = kind === "native" ? ", AOF always" : ""
  return {
    url: store.url,
    description: store.description.replace(/ \(\/.*/, "") + durability,
    pid: store.pid,
    isNative: kind === "native",
  }
}

const isGiven = (variable: "DATABASE_URL" | "REDIS_URL"): boolean =>
  [variable, `${variable}_FILE`].some((name) => process.env[name]?.trim())

/**
 * The stores, and where our own keep their data.
 * @throws {ConfigError} when a URL is given that no service would take.
 */
export const openStores = async (cleanup: Cleanup) => {
  const { DATABASE_URL, REDIS_URL } = loadConfig("stores")
  const isPostgresGiven = isGiven("DATABASE_URL")
  const isRedisGiven = isGiven("REDIS_URL")
  // What we start is told the URLs of this run, which a file beside them would contradict.
  delete process.env.DATABASE_URL_FILE
  delete process.env.REDIS_URL_FILE
  const { path, remove } = await temporaryDirectory()
  await cleanup.add(Promise.resolve({ stop: remove }))
  const [postgres, redis] = await Promise.all([
    isPostgresGiven ? givenPostgres(cleanup, DATABASE_URL) : ownPostgres(cleanup, path),
    isRedisGiven
      ? { url: REDIS_URL, description: "Redis of REDIS_URL", pid: null, isNative: false }
      : ownRedis(cleanup, path),
  ])
  return { path, postgres, redis }
}
