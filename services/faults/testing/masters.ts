/**
 * The processes on a Redis of several servers, of which some fail: each process reaches each of them, by nothing
 * of ours. After every test all of it is healed, drains within a limit, and is held against the oracle.
 */
import { afterAll, afterEach, beforeAll } from "vitest"
import type { ServiceName } from "../../../scripts/servers/service.ts"
import { type Member, startMember } from "../../testing/member.ts"
import { makeOracle } from "../../testing/oracle.ts"
import { openPostgres } from "../../testing/postgres.ts"
import { LEASE_MILLIS, startProcesses } from "../../testing/stack.ts"
import { DRAIN_LIMIT_MILLIS, RUNTIME } from "./settings.ts"

interface Masters {
  readonly url: () => string
  readonly nodes: Parameters<typeof makeOracle>[0]["nodes"]
  readonly heal: () => Promise<void>
}

interface OtherBuild {
  readonly folder: string
  readonly redisUrl: string
}

type Env = Readonly<Record<string, string>>

export type OnMasters = Awaited<ReturnType<typeof start>>

const start = async (masters: Masters, env: Env) => {
  const logs: string[] = []
  const postgres = await openPostgres({ own: true, onLine: (line) => logs.push(line) })
  const members: Member[] = []
  const add = async (name: ServiceName, other?: OtherBuild) => {
    const member = await startMember({
      ...{ name, runtime: RUNTIME, ...(other && { build: other.folder }) },
      env: {
        ...{ REDIS_URL: masters.url(), DATABASE_URL: postgres.url, RETRY_DELAY: "0.05" },
        ...{ LEASE_SECONDS: String(LEASE_MILLIS / 1_000), WORKER_PORT: "0", LOG_LEVEL: "debug" },
        ...env,
        ...(other && { REDIS_URL: other.redisUrl }),
      },
    })
    members.push(member)
    return member
  }
  const stop = async () => {
    await Promise.all(members.map((member) => member.stop()))
    await postgres.close()
  }
  try {
    const processes = await startProcesses((name) => add(name), 2)
    const other = await add("ingest")
    const ingests = [processes.ingest.url, other.url]
    const base = { ...processes, ingests, members, postgres, logs, nodes: masters.nodes }
    const oracle = makeOracle(base)
    return { ...base, add, oracle, stop, heal: masters.heal }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Two of ingest, two workers, a reader, and statistics. */
export const useOnMasters = (masters: () => Masters, env: Env = {}): (() => OnMasters) => {
  let started: OnMasters
  beforeAll(async () => {
    started = await start(masters(), env)
    const { oracle } = started
    oracle.watch()
    // The first claim of a Redis' life asks for the table's versions; faults come after it.
    await oracle.once("first", 20)
    await oracle.check(DRAIN_LIMIT_MILLIS)
  })
  afterEach(async () => {
    await started.heal()
    await started.oracle.check(DRAIN_LIMIT_MILLIS)
  })
  afterAll(async () => {
    await started?.oracle.end()
    await started?.stop()
  })
  return () => started
}
