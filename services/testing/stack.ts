/**
 * A whole stack for tests: PostgreSQL, a Redis, the four processes on free ports, and between each process
 * and each store a proxy of its own. What was started is stopped by `stop`, whatever failed.
 */
import { afterAll, beforeAll } from "vitest"
import type { Runtime, ServiceName } from "../../scripts/servers/service.ts"
import { queueKeys } from "../../shared/queue/keys.ts"
import { quoted } from "../../shared/table/statement.ts"
import type { Table } from "../../shared/table/table.ts"
import { TABLES } from "../../shared/tables.ts"
import { client } from "./client.ts"
import { type Member as Process, startMember } from "./member.ts"
import { makeOracle } from "./oracle.ts"
import { openPostgres } from "./postgres.ts"
import { startProxy, type TestProxy } from "./proxy.ts"
import { openRedis, type RedisKind } from "./redis.ts"
import { CANARY } from "./sent.ts"
import { until } from "./until.ts"

/** Short, so that a takeover after kill -9 takes a test no longer. */
export const LEASE_MILLIS = 1_500

const WELL_LIMIT_MILLIS = 10_000

/** Of stores of its own. No output of any process may show it. */
const PASSWORD = `${CANARY}-password-0123456789`

/** The role of the services in a PostgreSQL of its own: what it may do can be taken from it. */
const ROLE = "services"
const ROLE_SQL = [
  `create role ${ROLE} login password '${PASSWORD}'`,
  ...Object.values<Table>(TABLES).map(({ name, deletes }) => {
    const rights = deletes ? "select, insert, update, delete" : "select, insert, update"
    return `grant ${rights} on ${quoted(name)} to ${ROLE}`
  }),
].join(";\n")

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

type StoreName = "redis" | "postgres"

/** A process behind proxies of its own. */
export type Member = Process & Readonly<Record<StoreName, TestProxy>>

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
  const logs: string[] = []
  const onLine = (line: string) => void logs.push(line)
  const settings = own ? { requirepass: PASSWORD } : {}
  const [redis, postgres] = await Promise.all([
    openRedis(kind, { own, settings, onLine }),
    openPostgres({ own, onLine }),
  ])
  if (own) await postgres.sql(ROLE_SQL)
  return { redis, postgres, logs }
}

/** The same place by another port, and where a role is named as that role. */
const through = (url: string, { port }: { readonly port: number }, role?: string) => {
  const place = new URL(url)
  place.port = String(port)
  if (role !== undefined) Object.assign(place, { username: role, password: PASSWORD })
  return place.href
}

export const startStack = async ({ redis: kind, own = false, ...options }: StackOptions) => {
  const { redis, postgres, logs } = await openStores(kind, own)
  const members: Member[] = []
  const add = async (name: ServiceName): Promise<Member> => {
    const [toRedis, toPostgres] = await Promise.all([
      startProxy(redis.port),
      startProxy(postgres.port),
    ])
    const env = {
      LEASE_SECONDS: String(LEASE_MILLIS / 1_000),
      RETRY_DELAY: "0.05",
      LOG_LEVEL: "info",
      ...options.env,
      REDIS_URL: through(redis.url, toRedis),
      DATABASE_URL: through(postgres.url, toPostgres, own ? ROLE : undefined),
    }
    const { runtime, onLine } = options
    const started = await startMember({ name, runtime, env, onLine })
    const stop = async () => {
      await started.stop()
      toRedis.stop()
      toPostgres.stop()
    }
    const member = { ...started, redis: toRedis, postgres: toPostgres, stop }
    members.push(member)
    return member
  }
  const proxies = (store: StoreName) => members.map((member) => member[store])
  const stop = async () => {
    await Promise.all(members.map((member) => member.stop()))
    await Promise.all([redis.close(), postgres.close()])
  }
  try {
    const processes = await startProcesses(add, options.workers)
    const base = { ...processes, members, redis, postgres, logs }
    return {
      ...base,
      add,
      oracle: makeOracle({ ...base, nodes: [redis] }),
      /** Takes a process out of the stack again. */
      dismiss: async (member: Member) => {
        await member.stop()
        members.splice(members.indexOf(member), 1)
      },
      /** The services' password in a PostgreSQL of its own. */
      password: PASSWORD,
      /** Ends the services' sessions, so that the next ones meet what has changed for their role. */
      terminate: () =>
        postgres.sql(
          `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${ROLE}'`,
        ),
      /** Ends a store of its own; to its clients nobody listens any more. */
      down: async (store: StoreName, signal: NodeJS.Signals) => {
        for (const proxy of proxies(store)) proxy.refuse()
        await base[store].end(signal)
      },
      up: async (store: StoreName) => {
        await base[store].start()
        await Promise.all(proxies(store).map((proxy) => proxy.accept()))
      },
      /** Everything runs and everybody hears everybody. */
      heal: async () => {
        postgres.thaw()
        redis.kill("SIGCONT")
        await Promise.all([redis.start(), postgres.start()])
        const all = [...proxies("redis"), ...proxies("postgres")]
        for (const proxy of all) proxy.heal()
        await Promise.all(all.map((proxy) => proxy.accept()))
        await Promise.all(members.map((member) => member.start()))
        await Promise.all(Object.values(processes.urls).map(isWell))
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Connections that were cut are back: the next test begins with what it breaks, not with this. */
const isWell = (url: string) =>
  until(`${url} is well`, async () => (await fetch(`${url}/health`)).ok, WELL_LIMIT_MILLIS)

/** A stack for the tests of a file or block. */
export const useStack = (options: StackOptions): (() => Stack) => {
  let stack: Stack
  beforeAll(async () => {
    stack = await startStack(options)
  })
  afterAll(() => stack?.stop())
  return () => stack
}
