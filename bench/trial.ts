/**
 * A trial: one load on one contender, from an empty table and an empty queue to an empty queue again, with
 * what it cost. Fails when a write that was accepted is not in the table.
 */
import { drained, empty, look } from "./backlog.ts"
import type { Contender } from "./contender.ts"
import type { Distance } from "./distance.ts"
import { type Loaded, run } from "./load.ts"
import { readCpuSeconds, readDatabaseCost } from "./meter.ts"
import { type LoadRound, rounded } from "./result.ts"
import { clearRows, demandAccepted } from "./rows.ts"
import type { Stage } from "./stage.ts"

/** A worker that does not empty the queue in this time does not work. */
const DRAIN_LIMIT_MILLIS = 120_000

const readCosts = async ({ database, postgres, redis }: Stage, { server, worker }: Contender) => ({
  database: await readDatabaseCost(database),
  cpu: await readCpuSeconds({ server, worker, redis: redis.pid, postgres: postgres.pid() }),
})

const difference = (after: number | null, before: number | null) =>
  after === null || before === null ? null : rounded(after - before)

/** Waits for the worker, or forgets what no worker will take. */
const settle = async (stage: Stage, { queue, worker }: Contender) => {
  if (queue === null) return { depthAtEnd: null, drainSeconds: null }
  const begin = performance.now()
  const { writes } = await look(stage.queue, queue)
  if (worker === null) {
    await empty(stage.queue, queue)
    return { depthAtEnd: writes, drainSeconds: null }
  }
  await drained(stage.queue, queue, DRAIN_LIMIT_MILLIS)
  return { depthAtEnd: writes, drainSeconds: rounded((performance.now() - begin) / 1_000) }
}

export const latencies = ({ histogram, ledger, seconds }: Loaded) => ({
  perSecond: rounded(ledger.accepted / seconds, 1),
  p50: histogram.quantile(0.5),
  p90: histogram.quantile(0.9),
  p99: histogram.quantile(0.99),
  p999: histogram.quantile(0.999),
})

export interface Trial {
  readonly contender: Contender
  readonly distance: Distance
  readonly connections: number
  readonly seconds: number
  readonly round: number
}

export const runTrial = async (stage: Stage, trial: Trial): Promise<LoadRound> => {
  const { contender, distance, connections, round } = trial
  await clearRows(stage.database, stage.marked)
  const before = await readCosts(stage, contender)
  const loaded = await run({
    marked: stage.marked,
    url: contender.url,
    connections,
    seconds: trial.seconds,
    label: stage.newLabel(),
  })
  const settled = await settle(stage, contender)
  const after = await readCosts(stage, contender)
  const { ledger, histogram } = loaded
  const isStored = contender.name === "sync" || contender.name === "async"
  const who = `${contender.name} ${distance}`
  return {
    round,
    contender: contender.name,
    distance,
    connections,
    seconds: rounded(loaded.seconds),
    accepted: ledger.accepted,
    refused: ledger.refused,
    unanswered: ledger.unanswered,
    missing: isStored ? await demandAccepted(stage.database, stage.marked, ledger, who) : null,
    ...latencies(loaded),
    density: histogram.density().map(([millis, count]) => [rounded(millis), count] as const),
    ...settled,
    commits: after.database.commits - before.database.commits,
    walBytes: after.database.walBytes - before.database.walBytes,
    postgresCpuSeconds: difference(after.cpu.postgres, before.cpu.postgres),
    cpuSeconds: {
      load: rounded(loaded.cpuSeconds),
      server: difference(after.cpu.server, before.cpu.server),
      worker: difference(after.cpu.worker, before.cpu.worker),
      redis: difference(after.cpu.redis, before.cpu.redis),
    },
  }
}
