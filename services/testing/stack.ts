/**
 * A whole stack for tests: the four processes on free ports, with a database and a Redis for themselves; and a client that speaks the HTTP contract. What was started is stopped by `stop`, whatever failed.
 */
import { execFile } from "node:child_process"
import process from "node:process"
import { promisify } from "node:util"
import { temporaryDirectory } from "../../scripts/directory.ts"
import { startPostgres } from "../../scripts/postgres.ts"
import { nativeRedis, startRedis } from "../../scripts/redis.ts"
import {
  type Runtime,
  type Service,
  type ServiceName,
  startService,
} from "../../scripts/service.ts"
import { openQueue, queueKeys, untilReady } from "../../shared/queue.ts"
import type { Stats } from "../stats/queue.ts"
import { borrow } from "./borrowed.ts"

export const REDIS_KINDS = nativeRedis() ? (["native", "wasm"] as const) : (["wasm"] as const)
export type RedisKind = (typeof REDIS_KINDS)[number]

/** Short, so that a takeover after kill -9 takes a test no longer. */
export const LEASE_SECONDS = 1.5

/** How long a test waits for what must happen. Generous: the machine may be busy with other things. */
const LIMIT_MILLIS = 30_000
const POLL_MILLIS = 10

/** Polls until `check` returns something that is neither false nor undefined. */
export const until = async <A>(
  what: string,
  check: () => Promise<A | false | undefined>,
  limitMillis = LIMIT_MILLIS,
): Promise<A> => {
  const end = performance.now() + limitMillis
  while (performance.now() < end) {
    const found = await check()
    if (found !== false && found !== undefined) return found
    await new Promise((resume) => setTimeout(resume, POLL_MILLIS))
  }
  throw new Error(`${what}: not within ${limitMillis} ms`)
}

export interface StackOptions {
  readonly redis: RedisKind
  /** With stores of its own, which may be killed, stopped and reconfigured. Left out: those of all tests. */
  readonly own?: boolean
  readonly runtime?: Runtime
  readonly env?: Readonly<Record<string, string>>
  /** Hears each line of each process's log. */
  readonly onLine?: (line: string) => void
  /** Left out: one worker. */
  readonly workers?: number
}

export type Stack = Awaited<ReturnType<typeof startStack>>

const ownStores = async (kind: RedisKind) => {
  const directory = await temporaryDirectory()
  const [postgres, redis] = await Promise.all([
    startPostgres({ directory: `${directory.path}/postgres` }),
    startRedis({ directory: `${directory.path}/redis`, kind }),
  ])
  await promisify(execFile)(process.execPath, ["scripts/migrate.ts"], {
    env: { ...process.env, DATABASE_URL: postgres.url },
  })
  const end = async () => {
    await Promise.all([redis.stop(), postgres.stop()])
    await directory.remove()
  }
  return { directory, postgres, redis, end }
}

const sharedStores = async (kind: RedisKind) => {
  const [directory, postgres, redis] = await Promise.all([
    temporaryDirectory(),
    borrow("postgres"),
    borrow(kind),
  ])
  const end = async () => {
    await Promise.all([redis.giveBack(), postgres.giveBack(), directory.remove()])
  }
  return { directory, postgres: postgres.store, redis: redis.store, end }
}

const postWrite = (url: string, key: string, value: string) =>
  fetch(`${url}/write`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key, value }),
  })

/** The four calls of the contract. */
export const client = (urls: Readonly<Record<"ingest" | "reader" | "stats", string>>) => {
  const stats = async (): Promise<Stats> =>
    (await (await fetch(`${urls.stats}/stats`)).json()) as Stats
  const read = async (key: string) => {
    const response = await fetch(`${urls.reader}/read/${encodeURIComponent(key)}`)
    const row = (await response.json()) as { value: string; version: number }
    return { status: response.status, ...row }
  }
  return {
    post: (key: string, value: string) => postWrite(urls.ingest, key, value),
    /** A write that must be accepted; returns its version. */
    write: async (key: string, value: string): Promise<number> => {
      const response = await postWrite(urls.ingest, key, value)
      if (response.status !== 202) throw new Error(`POST /write: ${response.status}`)
      return ((await response.json()) as { version: number }).version
    },
    read,
    /** The row once it has at least this version. */
    visible: (key: string, version: number) =>
      until(`${key} visible`, async () => {
        const row = await read(key)
        return row.status === 200 && row.version >= version && row
      }),
    stats,
    health: async () => {
      const response = await fetch(`${urls.stats}/health`)
      return {
        code: response.status,
        ...((await response.json()) as { status: string; held?: string[]; worker_active: boolean }),
      }
    },
    drained: (limitMillis?: number) =>
      until(
        "the queue is empty",
        async () => {
          const now = await stats()
          return now.queue_depth === 0 && now.in_flight === 0 && now
        },
        limitMillis,
      ),
  }
}

export const startStack = async ({ redis: kind, runtime = "node", ...options }: StackOptions) => {
  const { directory, postgres, redis, end } = await (options.own ? ownStores : sharedStores)(kind)
  const started: Service[] = []
  const env = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    LEASE_SECONDS: String(LEASE_SECONDS),
    RETRY_DELAY: "0.05",
    LOG_LEVEL: "warn",
    ...options.env,
  }
  const start = async (name: ServiceName, port?: number): Promise<Service> => {
    const service = await startService(name, {
      runtime,
      env: { ...env, LOG_LEVEL: options.env?.LOG_LEVEL ?? "info" },
      onLine: options.onLine,
      ...(port !== undefined && { port }),
    })
    started.push(service)
    return service
  }
  const stop = async () => {
    await Promise.all(started.map((service) => service.stop()))
    await end()
  }
  try {
    const workers = Array.from({ length: options.workers ?? 1 }, () => start("worker"))
    const [ingest, reader, stats] = await Promise.all([
      start("ingest"),
      start("reader"),
      start("stats"),
      ...workers,
    ])
    const urls = { ingest: ingest.url, reader: reader.url, stats: stats.url }
    const queue = openQueue(redis.url, { name: "test" })
    await untilReady(queue)
    const all = () => started.filter(({ name }) => name === "worker")
    return {
      ...{ directory, postgres, redis, ingest, reader, stats: stats, urls, queue },
      keys: queueKeys("write_queue"),
      client: client(urls),
      workers: all,
      start,
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
