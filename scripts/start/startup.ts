/**
 * The start of `npm start`, in order: directory and ports, stores, migration, services, and the wait
 * until each says that it is healthy. A start that throws leaves in the stack what it has started.
 */
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Config, ServiceName } from "../../shared/config.ts"
import { freePort, isFree } from "../servers/port.ts"
import { launch, within } from "../servers/process.ts"
import { launchService } from "../servers/service.ts"
import { askHealth, type Health } from "./health.ts"
import type { Stack } from "./stack.ts"
import {
  checkPort,
  isEmbedded,
  openDatabaseStore,
  openRedisStore,
  prepareStores,
  type StoresConfig,
} from "./stores.ts"
import { sayFrom, step } from "./terminal.ts"

/** Above the 300 s that the migration allows itself. */
const MIGRATE_LIMIT_MILLIS = 310_000
const HEALTHY_LIMIT_MILLIS = 30_000
const HEALTHY_POLL_MILLIS = 50
/** The port that a message suggests is this much above the default: 9006 for 8006. */
const OTHER_PORT = 1_000

const HTTP_SERVICES = ["ingest", "reader", "stats"] as const
const SERVICES: ReadonlyArray<ServiceName> = [...HTTP_SERVICES, "worker"]
const root = fileURLToPath(new URL("../..", import.meta.url))

type Ports = Readonly<Record<ServiceName, number>>

const variableOf = (name: ServiceName) => `${name.toUpperCase()}_PORT`

/**
 * Of two processes on one port only the second would notice, and the first would answer in its place.
 * @throws a line that names both variables.
 */
const comparePorts = (ports: Readonly<Record<string, number>>): void => {
  const owners = new Map<number, string>()
  for (const [variable, port] of Object.entries(ports)) {
    const other = owners.get(port)
    if (other !== undefined && port !== 0) {
      throw new Error(`${other} and ${variable} are both ${port}: choose another for one of them`)
    }
    owners.set(port, variable)
  }
}

/** Those of the stores that are ours. */
const storePorts = (config: StoresConfig) => {
  const { POSTGRES_PORT, REDIS_PORT } = config
  const embedded = isEmbedded(config)
  return {
    ...(embedded.database && { POSTGRES_PORT }),
    ...(embedded.redis && { REDIS_PORT }),
  }
}

/**
 * Where each service will listen. For 0 a free port is chosen here, because the URLs are told before any
 * service runs.
 * @throws a line that says what to change when a port is in use.
 */
const choosePorts = async (config: Config<"start">): Promise<Ports> => {
  const ports = {
    ingest: config.INGEST_PORT || (await freePort()),
    reader: config.READER_PORT || (await freePort()),
    stats: config.STATS_PORT || (await freePort()),
    // A worker needs it for its metrics alone: one that finds it taken says so, and goes on.
    worker: config.WORKER_PORT,
  }
  for (const name of HTTP_SERVICES) {
    const instead = `${variableOf(name)}=${ports[name] + OTHER_PORT} npm start`
    await checkPort(ports[name], `choose another: ${instead}`)
  }
  return ports
}

type Environment = NodeJS.ProcessEnv

const migrate = async (env: Environment): Promise<void> => {
  const file = "scripts/migrate.ts"
  const child = await launch(process.execPath, [file], { name: "migrate", cwd: root, env })
  if (!(await within(child.exited, MIGRATE_LIMIT_MILLIS))) await child.stop(0)
  const { code } = await child.exited
  if (code !== 0) throw new Error(`The migration failed:\n${child.output()}`)
}

const launchServices = async (stack: Stack, ports: Ports, env: Environment): Promise<void> => {
  for (const name of SERVICES) {
    const service = await launchService(name, ports[name], { env, onLine: sayFrom(name) })
    stack.services[name] = service
    stack.watch(service, name)
  }
}

/** Waits until all three answer 200 and stats has seen the worker's heartbeat. Resolves to what stats says. */
const untilHealthy = async (stack: Stack, check: () => void): Promise<Health> => {
  const deadline = Date.now() + HEALTHY_LIMIT_MILLIS
  for (;;) {
    const all = HTTP_SERVICES.map((name) => askHealth(stack.urls[name]))
    const [ingest, reader, stats] = await Promise.all(all)
    check()
    if (ingest && reader && stats?.worker_active) return stats
    if (Date.now() > deadline) {
      const missing = Object.entries({ ingest, reader, stats, worker: stats?.worker_active })
      const names = missing.filter(([, answer]) => !answer).map(([name]) => name)
      throw new Error(`Not healthy after ${HEALTHY_LIMIT_MILLIS / 1_000} s: ${names.join(", ")}`)
    }
    await sleep(HEALTHY_POLL_MILLIS)
  }
}

const openStores = async (
  stack: Stack,
  config: StoresConfig,
  directory: string,
  check: () => void,
): Promise<void> => {
  check()
  const own = isEmbedded(config)
  const database = await step(`${own.database ? "Starting" : "Looking for"} PostgreSQL`, () =>
    openDatabaseStore(config, directory, stack.onStoreLine("postgres")),
  )
  stack.database = database
  if (database.store) stack.watch(database.store, "PostgreSQL")
  check()
  const redis = await step(`${own.redis ? "Starting" : "Looking for"} Redis`, () =>
    openRedisStore(config, directory, stack.onStoreLine("redis")),
  )
  stack.redis = redis
  if (redis.store) stack.watch(redis.store, "Redis")
  check()
}

/**
 * The stores alone.
 * @throws what `check` throws, or an error whose message says what to change.
 */
export const startStores = async (
  stack: Stack,
  config: StoresConfig,
  directory: string,
  check: () => void,
): Promise<void> => {
  comparePorts(storePorts(config))
  stack.release = await prepareStores(config, directory)
  await openStores(stack, config, directory, check)
}

/** The stores, the table, and the four services. Throws as `startStores` does. */
export const startUp = async (
  stack: Stack,
  config: Config<"start">,
  directory: string,
  check: () => void,
): Promise<Health> => {
  const { INGEST_PORT, READER_PORT, STATS_PORT, WORKER_PORT } = config
  comparePorts({ ...storePorts(config), INGEST_PORT, READER_PORT, STATS_PORT, WORKER_PORT })
  stack.release = await prepareStores(config, directory)
  const ports = await choosePorts(config)
  stack.hasMetrics = await isFree(ports.worker)
  stack.isOpen = config.WRITE_TOKEN === ""
  for (const name of HTTP_SERVICES) stack.urls[name] = `http://localhost:${ports[name]}`
  await openStores(stack, config, directory, check)
  const { database, redis } = stack
  const env = {
    LOG_FORMAT: "pretty",
    ...process.env,
    // The URLs of the user's own stores are in the environment already, or in files that it names.
    ...(database?.store && { DATABASE_URL: database.url }),
    ...(redis?.store && { REDIS_URL: redis.url }),
  }
  await step("Migrating the database", () => migrate(env))
  check()
  return await step("Starting ingest, reader, stats and worker", async () => {
    await launchServices(stack, ports, env)
    return await untilHealthy(stack, check)
  })
}
