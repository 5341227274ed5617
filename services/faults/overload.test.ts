/**
 * More than fits: the limit of the queue holds whoever races for the last place, refusals say when to come
 * back, and an outage of hours costs Redis memory and no process of ours.
 */
import { afterEach, expect, test } from "vitest"
import { TABLE } from "../../shared/testing/table.ts"
import type { Stack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"
import { flood, residentMiB } from "./testing/flood.ts"
import { faults, startFaultStack } from "./testing/stack.ts"

const LIMIT = 500

/** The stand-in for an hour: refused or queued, it is the same to the processes' memory. */
const WARM_UP_WRITES = 40_000
const OUTAGE_WRITES = 300_000
const OUTAGE_LIMIT = 60_000
const GROWTH_LIMIT_MIB = 64

/** Draining them takes seconds on an idle machine. */
const DRAIN_LIMIT_MILLIS = 90_000

let stack: Stack
afterEach(() => stack?.stop())

const rows = async () => {
  const [row] = await stack.postgres.sql<{ count: string }>(`select count(*) from ${TABLE}`)
  return Number(row?.count)
}

faults("more writes than fit", () => {
  test("sent to two processes at once: exactly as many are taken as may wait", async () => {
    stack = await startFaultStack({ workers: 0, env: { QUEUE_MAX_DEPTH: String(LIMIT) } })
    const { ingest, redis, keys, client } = stack
    const other = await stack.add("ingest")
    let isDone = false
    let deepest = 0
    const watching = (async () => {
      while (!isDone) deepest = Math.max(deepest, await redis.connection.llen(keys.waiting))
    })()
    const { statuses, retryAfter } = await flood([ingest.port, other.port], "race", 6 * LIMIT)
    isDone = true
    await watching
    expect(Object.fromEntries(statuses)).toEqual({ 202: LIMIT, 503: 5 * LIMIT })
    expect(deepest).toBe(LIMIT)
    // Nothing drains, so nobody needs to come back soon.
    expect([...retryAfter]).toEqual([60])
    expect(await client.stats()).toMatchObject({ queue_depth: LIMIT, writes_queued: LIMIT })

    await stack.add("worker")
    await client.drained()
    expect(await rows()).toBe(LIMIT)
    const again = await flood([ingest.port, other.port], "again", LIMIT)
    expect(again.statuses.get(202)).toBeGreaterThan(0)
  })

  test("for as long as PostgreSQL is away: no process grows, and what was taken drains", async () => {
    stack = await startFaultStack({ env: { QUEUE_MAX_DEPTH: String(OUTAGE_LIMIT) } })
    const { ingest, workers, stats, client } = stack
    const processes = [ingest, ...workers, stats]
    const memory = () => Promise.all(processes.map(({ pid }) => residentMiB(pid())))
    await stack.down("postgres", "SIGKILL")

    const warm = await flood([ingest.port], "warm", WARM_UP_WRITES)
    expect(warm.statuses.get(202)).toBe(WARM_UP_WRITES)
    const before = await memory()
    const { statuses, retryAfter } = await flood([ingest.port], "outage", OUTAGE_WRITES)
    expect(processes.flatMap(({ deaths }) => deaths)).toEqual([])
    const after = await memory()

    const grown = processes.map(({ name }, index) => {
      return { name, mib: Math.round((after[index] as number) - (before[index] as number)) }
    })
    console.log(`memory: ${grown.map(({ name, mib }) => `${name} ${mib} MiB more`).join(", ")}`)
    expect(grown.filter(({ mib }) => mib >= GROWTH_LIMIT_MIB)).toEqual([])
    const taken = OUTAGE_LIMIT - WARM_UP_WRITES
    expect(Object.fromEntries(statuses)).toEqual({ 202: taken, 503: OUTAGE_WRITES - taken })
    for (const seconds of retryAfter) expect(seconds).toBe(60)
    expect(await client.stats()).toMatchObject({ queue_depth: OUTAGE_LIMIT, writes_failed: 0 })

    await stack.up("postgres")
    await client.drained(DRAIN_LIMIT_MILLIS)
    expect(await rows()).toBe(OUTAGE_LIMIT)
    await until("accepting", async () => (await client.post("again", "again")).status === 202)
  })
})
