/**
 * A whole stack in which everything can be broken: native Redis with AOF always, PostgreSQL, the four
 * processes, and between each process and each store a proxy of its own. After every test all of it is
 * healed, drains within a limit, and is held against the oracle.
 */
import { afterAll, afterEach, beforeAll, describe } from "vitest"
import { temporaryDirectory } from "../../../scripts/servers/directory.ts"
import { nativeRedis } from "../../../scripts/servers/redis.ts"
import type { Runtime, ServiceName } from "../../../scripts/servers/service.ts"
import { migrate } from "../../testing/migrate.ts"
import { startProxy } from "../../testing/proxy.ts"
import { startProcesses } from "../../testing/stack.ts"
import { until } from "../../testing/until.ts"
import { type Member, startMember } from "./member.ts"
import { makeOracle } from "./oracle.ts"
import { RUNTIME } from "./settings.ts"
import { CANARY, makePostgres, makeRedis } from "./store.ts"

export const LEASE_MILLIS = 1_500

/** Two heartbeats may be lost before a lease is; the third finds the leases that others have lost. */
export const TAKEOVER_MILLIS = LEASE_MILLIS + LEASE_MILLIS / 3

/** What of a request tells which script it calls: only claim has the limit of bytes, acknowledge the dead. */
export const CLAIM = /4194304/
export const ACKNOWLEDGE = /\{write_queue\}:dead/

/** A statement that writes: what a fault test writes has the word in it, and nothing else sends it. */
export const STATEMENT = new RegExp(CANARY)

const WELL_LIMIT_MILLIS = 10_000

export const ADMIN_TOKEN = `${CANARY}-token-${"0123456789".repeat(3)}`

export interface FaultOptions {
  readonly workers?: number
  readonly runtime?: Runtime
  readonly env?: Readonly<Record<string, string>>
  readonly redis?: Readonly<Record<string, string>>
}

export type FaultStack = Awaited<ReturnType<typeof startFaultStack>>

/** AOF, `kill -9` and a truncated log need a server of the machine's; without one nothing here can run. */
export const faults = describe.runIf(nativeRedis() !== null)

export const startFaultStack = async (options: FaultOptions = {}) => {
  const directory = await temporaryDirectory()
  const logs: string[] = []
  const onLine = (line: string) => void logs.push(line)
  const [redis, postgres] = await Promise.all([
    makeRedis(`${directory.path}/redis`, options.redis ?? {}, onLine),
    makePostgres(`${directory.path}/postgres`, onLine),
  ])
  const members: Member[] = []
  const env = {
    LEASE_SECONDS: String(LEASE_MILLIS / 1_000),
    RETRY_DELAY: "0.05",
    WORKER_POLL_INTERVAL: "0.02",
    LOG_LEVEL: "debug",
    ADMIN_TOKEN,
    ...options.env,
  }
  const add = async (
    name: ServiceName,
    more: Readonly<Record<string, string>> = {},
    runtime = options.runtime ?? RUNTIME,
  ): Promise<Member> => {
    const [toRedis, toPostgres] = await Promise.all([
      startProxy(redis.port),
      startProxy(postgres.port),
    ])
    const urls = {
      REDIS_URL: redis.urlAt(toRedis.port),
      DATABASE_URL: postgres.urlAt(toPostgres.port),
    }
    const member = await startMember({
      ...{ name, runtime, redis: toRedis, postgres: toPostgres },
      env: { ...env, ...urls, ...more },
    })
    members.push(member)
    return member
  }
  const stop = async () => {
    await Promise.all(members.map((member) => member.stop()))
    await Promise.all([redis.stop(), postgres.stop()])
    await directory.remove()
  }
  try {
    await migrate(postgres.ownerUrl)
    await postgres.makeRole()
    const processes = await startProcesses(add, options.workers)
    const proxies = (store: "redis" | "postgres") => members.map((member) => member[store])
    const base = { ...processes, members, redis, postgres, logs }
    return {
      ...base,
      add,
      oracle: makeOracle(base),
      /** Takes a process out of the stack again. */
      dismiss: async (member: Member) => {
        await member.stop()
        members.splice(members.indexOf(member), 1)
      },
      /** Ends a store; to its clients nobody listens any more. */
      down: async (store: "redis" | "postgres", signal: NodeJS.Signals) => {
        for (const proxy of proxies(store)) proxy.refuse()
        await (store === "redis" ? redis : postgres).end(signal)
      },
      up: async (store: "redis" | "postgres") => {
        await (store === "redis" ? redis : postgres).start()
        await Promise.all(proxies(store).map((proxy) => proxy.accept()))
      },
      /** Everything runs and everybody hears everybody. */
      heal: async () => {
        postgres.thaw()
        redis.kill("SIGCONT")
        await Promise.all([redis.start(), postgres.start()])
        for (const proxy of [...proxies("redis"), ...proxies("postgres")]) proxy.heal()
        await Promise.all([...proxies("redis"), ...proxies("postgres")].map((p) => p.accept()))
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

/** A stack for the tests of a block; after each of them it is healed and held against the oracle. */
export const useFaultStack = (options: FaultOptions = {}): (() => FaultStack) => {
  let stack: FaultStack
  beforeAll(async () => {
    stack = await startFaultStack(options)
    stack.oracle.watch()
    // The first claim of a Redis' life asks for the table's versions; faults come after it.
    if (stack.workers.length > 0) await stack.oracle.once("first", 1)
    await stack.oracle.check()
  })
  afterEach(async () => {
    await stack.heal()
    await stack.oracle.check()
  })
  afterAll(async () => {
    await stack?.oracle.end()
    await stack?.stop()
  })
  return () => stack
}
