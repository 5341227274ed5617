/**
 * The start of `npm start`, in order: directory and ports, stores, migration, services, and the wait
 * until each says that it is healthy. What it has started stands in the stack, also when it throws.
 */
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Config } from "../shared/config.ts"
import { askHealth, type Health } from "./health.ts"
import { launch, within } from "./process.ts"
import type { ServiceName, Stack } from "./stack.ts"
import {
  checkPort,
  isEmbedded,
  openDatabaseStore,
  openRedisStore,
  type Place,
  prepareStores,
} from "./stores.ts"
import { sayFrom, step } from "./terminal.ts"

/** Above the 300 s that the migration allows itself. */
const MIGRATE_LIMIT_MS = 310_000
const HEALTHY_LIMIT_MS = 30_000
const HEALTHY_POLL_MS = 50
/** The port that a message suggests is this much above the default: 9006 for 8006. */
const OTHER_PORT = 1_000

const HTTP_SERVICES = ["ingest", "reader", "stats"] as const
const SERVICES: ReadonlyArray<ServiceName> = [...HTTP_SERVICES, "worker"]
const root = fileURLToPath(new URL("..", import.meta.url))

/** The user asked for the end while it started. */
export class Interrupted extends Error {}

const portOf = (config: Config, name: ServiceName): number =>
  ({
    ingest: config.INGEST_PORT,
    reader: config.READER_PORT,
    stats: config.STATS_PORT,
    worker: config.WORKER_PORT,
  })[name]

const checkPorts = async (config: Config): Promise<void> => {
  for (const name of HTTP_SERVICES) {
    const port = portOf(config, name)
    const variable = `${name.toUpperCase()}_PORT`
    await checkPort(port, `choose another: ${variable}=${port + OTHER_PORT} npm start`)
  }
}

type Environment = NodeJS.ProcessEnv

const migrate = async (env: Environment): Promise<void> => {
  const file = "scripts/migrate.ts"
  const child = await launch(process.execPath, [file], { name: "migrate", cwd: root, env })
  if (!(await within(child.exited, MIGRATE_LIMIT_MS))) await child.stop(0)
  const { code } = await child.exited
  if (code !== 0) throw new Error(`The migration failed:\n${child.output()}`)
}

const launchServices = async (stack: Stack, config: Config, env: Environment): Promise<void> => {
  for (const name of SERVICES) {
    const child = await launch(process.execPath, [`services/${name}/main.ts`], {
      name,
      cwd: root,
      env: { ...env, PORT: String(portOf(config, name)) },
      onLine: sayFrom(name),
    })
    stack.services[name] = child
    stack.watch(child, name)
  }
}

/** All three answer 200, and stats has seen the worker's heartbeat. Resolves to what stats says. */
const untilHealthy = async (stack: Stack, check: () => void): Promise<Health> => {
  const deadline = Date.now() + HEALTHY_LIMIT_MS
  for (;;) {
    const all = HTTP_SERVICES.map((name) => askHealth(stack.urls[name]))
    const [ingest, reader, stats] = await Promise.all(all)
    if (ingest && reader && stats?.worker_active) return stats
    check()
    if (Date.now() > deadline) {
      const missing = Object.entries({ ingest, reader, stats, worker: stats?.worker_active })
      const names = missing.filter(([, answer]) => !answer).map(([name]) => name)
      throw new Error(`Not healthy after ${HEALTHY_LIMIT_MS / 1_000} s: ${names.join(", ")}`)
    }
    await sleep(HEALTHY_POLL_MS)
  }
}

/** @throws Interrupted, or an error whose message says what to change. */
export const startUp = async (
  stack: Stack,
  config: Config,
  place: Place,
  interrupted: AbortSignal,
): Promise<Health> => {
  const check = () => {
    if (stack.fallen !== null) throw new Error(stack.fallen)
    if (interrupted.aborted) throw new Interrupted()
  }
  stack.release = await prepareStores(config, place)
  await checkPorts(config)
  check()
  const own = isEmbedded(config)
  const database = await step(`${own.database ? "Starting" : "Looking for"} PostgreSQL`, () =>
    openDatabaseStore(config, place, stack.onStoreLine("postgres")),
  )
  stack.database = database
  if (database.store) stack.watch(database.store, "PostgreSQL")
  check()
  const redis = await step(`${own.redis ? "Starting" : "Looking for"} Redis`, () =>
    openRedisStore(config, place, stack.onStoreLine("redis")),
  )
  stack.redis = redis
  if (redis.store) stack.watch(redis.store, "Redis")
  check()
  const env = {
    LOG_FORMAT: "pretty",
    ...process.env,
    // The user's own stand in the environment already, or in files that it names.
    ...(database.store && { DATABASE_URL: database.url }),
    ...(redis.store && { REDIS_URL: redis.url }),
  }
  await step("Migrating the database", () => migrate(env))
  check()
  return await step("Starting ingest, reader, stats and worker", async () => {
    await launchServices(stack, config, env)
    return await untilHealthy(stack, check)
  })
}
