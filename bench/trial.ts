/**
 * A trial: one load on one contender, from an empty table and an empty queue to an empty queue again, with
 * what it cost. Fails when a write that was accepted is not in the table.
 */
import { drained, empty, look } from "./backlog.ts"
import type { Contender } from "./contender.ts"
import type { Distance } from "./distance.ts"
import { demandAnswered, type Loaded, run } from "./load.ts"
import type { Marked } from "./mark.ts"
import { readCpuSeconds, readDatabaseCost } from "./meter.ts"
import { tablesOf } from "./request.ts"
import { type LoadRound, rounded, type Work } from "./result.ts"
import { clearRows, demandAccepted, WriteLost } from "./rows.ts"
import type { Stage } from "./stage.ts"

/** A worker that does not empty the queue in this time does not work. */
const DRAIN_LIMIT_MILLIS = 120_000

export const readCosts = async (
  { database, postgres, redis }: Stage,
  { server, worker }: Contender,
) => ({
  database: await readDatabaseCost(database),
  cpu: await readCpuSeconds({ server, worker, redis: redis.pid, postgres: postgres.pid() }),
})

export const difference = (after: number | null, before: number | null) =>
  after === null || before === null ? null : rounded(after - before)

/** Waits for the worker, or forgets what no worker will take. @throws when less waits than was accepted. */
const settle = async (stage: Stage, { name, queue, worker }: Contender, { accepted }: Loaded) => {
  if (queue === null) return { depthAtEnd: null, drainSeconds: null }
  const begin = performance.now()
  const { writes } = await look(stage.queue, queue)
  if (worker === null) {
    if (writes < accepted) throw new WriteLost(`${accepted - writes} writes of ${name} do not wait`)
    await empty(stage.queue, queue)
    return { depthAtEnd: writes, drainSeconds: null }
  }
  await drained(stage.queue, queue, DRAIN_LIMIT_MILLIS)
  return { depthAtEnd: writes, drainSeconds: rounded((performance.now() - begin) / 1_000) }
}

export const latencies = ({ histogram, accepted, seconds }: Loaded) => ({
  perSecond: rounded(accepted / seconds, 1),
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
  /** Left out: upsert. */
  readonly work?: Work
  /** Of the rows that are read, which stay. */
  readonly label?: string
}

/** Resolves to how many are missing, which is none; to null where nothing was stored. */
const demandStored = async (
  stage: Stage,
  tables: ReadonlyArray<Marked>,
  { ledgers }: Loaded,
  who: string,
): Promise<number> => {
  let missing = 0
  for (const [index, ledger] of ledgers.entries()) {
    const marked = tables[index] as Marked
    missing += await demandAccepted(stage.database, marked, ledger, who)
  }
  return missing
}

export const runTrial = async (stage: Stage, trial: Trial): Promise<LoadRound> => {
  const { contender, distance, connections, round, seconds, work = "upsert" } = trial
  const tables = tablesOf(work, stage.marked)
  const label = trial.label ?? stage.newLabel()
  const who = `${contender.name}, ${work}, ${distance}, ${connections} connections`
  if (work !== "read") for (const marked of tables) await clearRows(stage.database, marked)
  const before = await readCosts(stage, contender)
  const loaded = await run({ contender, work, tables, connections, seconds, label })
  demandAnswered(loaded, who)
  const settled = await settle(stage, contender, loaded)
  const after = await readCosts(stage, contender)
  const isStored = work !== "read" && (contender.name === "sync" || contender.name === "async")
  return {
    round,
    contender: contender.name,
    ...(work !== "upsert" && { work }),
    distance,
    connections,
    seconds: rounded(loaded.seconds),
    accepted: loaded.accepted,
    refused: loaded.refused,
    unanswered: loaded.unanswered,
    missing: isStored ? await demandStored(stage, tables, loaded, who) : null,
    ...latencies(loaded),
    density: loaded.histogram.density().map(([millis, count]) => [rounded(millis), count] as const),
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
