/**
 * A whole stack for tests: a database, a Redis and the four processes on free ports. What was started
 * is stopped by `stop`, whatever failed.
 */
import { nativeRedis } from "../../scripts/servers/redis.ts"
import {
  type Runtime,
  type Service,
  type ServiceName,
  startService,
} from "../../scripts/servers/service.ts"
import { queueKeys } from "../../shared/queue/keys.ts"
import { openRedis as connectRedis, untilReady } from "../../shared/redis/redis.ts"
import { client } from "./client.ts"
import { openPostgres } from "./postgres.ts"
import { openRedis } from "./redis.ts"

export const REDIS_KINDS = nativeRedis() ? (["native", "wasm"] as const) : (["wasm"] as const)
export type RedisKind = (typeof REDIS_KINDS)[number]

/** Short, so that a takeover after kill -9 takes a test no longer. */
export const LEASE_SECONDS = 1.5

export interface StackOptions {
  readonly redis: RedisKind
  /**
   * With stores of its own, which may be killed, stopped and reconfigured. Left out: those of all
   * tests.
   */
  readonly own?: boolean
  readonly runtime?: Runtime
  readonly env?: Readonly<Record<string, string>>
  /** Hears each line of each process's log. */
  readonly onLine?: (line: string) => void
  /** Left out: one worker. */
  readonly workers?: number
}

export type Stack = Awaited<ReturnType<typeof startStack>>

/** Starts the four processes at once, and what talks to them. */
export const startProcesses = async <P extends { readonly url: string }>(
  start: (name: ServiceName) => Promise<P>,
  workers = 1,
) => {
  const [ingest, reader, stats, others] = await Promise.all([
    start("ingest"),
    start("reader"),
    start("stats"),
    Promise.all(Array.from({ length: workers }, () => start("worker"))),
  ])
  const urls = { ingest: ingest.url, reader: reader.url, stats: stats.url }
  return {
    ...{ ingest, reader, stats, workers: others, urls },
    client: client(urls),
    keys: queueKeys("write_queue"),
  }
}

const openStores = async (kind: RedisKind, own: boolean) => {
  const [postgres, redis] = await Promise.all([openPostgres({ own }), openRedis(kind, { own })])
  return { postgres, redis }
}

export const startStack = async ({ redis: kind, runtime = "node", ...options }: StackOptions) => {
  const stores = await openStores(kind, options.own ?? false)
  const started: Service[] = []
  const env = {
    DATABASE_URL: stores.postgres.store().url,
    REDIS_URL: stores.redis.store().url,
    LEASE_SECONDS: String(LEASE_SECONDS),
    RETRY_DELAY: "0.05",
    LOG_LEVEL: "info",
    ...options.env,
  }
  const start = async (name: ServiceName, port?: number): Promise<Service> => {
    const service = await startService(name, {
      ...{ runtime, env, onLine: options.onLine },
      ...(port !== undefined && { port }),
    })
    started.push(service)
    return service
  }
  const stop = async () => {
    await Promise.all(started.map((service) => service.stop()))
    await Promise.all(Object.values(stores).map(({ close }) => close()))
  }
  try {
    const processes = await startProcesses(start, options.workers)
    const queue = connectRedis(env.REDIS_URL, { name: "test" })
    await untilReady(queue)
    return {
      ...processes,
      postgres: stores.postgres.store(),
      redis: stores.redis.store(),
      /** Of the test's own, past every process. */
      queue,
      workers: () => started.filter(({ name }) => name === "worker"),
      start,
      /** Starts a store of its own again, on its port and with its data. */
      restart: (store: "postgres" | "redis") => stores[store].restart(),
      stop: async () => {
        queue.disconnect()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}
