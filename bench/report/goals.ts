/** What the buffer must reach on a machine of two cores, load generator included, and what it reached. */
import type { ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import { BULK_CONNECTIONS, SCALE_RATE, USUAL_CONNECTIONS } from "../request.ts"
import type { Results, Work } from "../result.ts"
import { ratio, type Spread } from "../statistics.ts"
import {
  drainFigure,
  durabilityFigure,
  growthFigure,
  type LoadFigures,
  loadFigures,
  outageFigures,
  quantileOf,
  readDrift,
  upsertMillis,
  visibility,
} from "./figures.ts"
import { plain } from "./format.ts"
import { idleShare, scaleFigures } from "./scale.ts"

const MILLION = 1_000_000

/** Where many clients are compared, where few are, and where many wait for a commit. */
const MANY = USUAL_CONNECTIONS
const FEW = 32
const CROWD = 500

export interface Goal {
  readonly name: string
  /** Null when the run did not measure it. */
  readonly figure: number | null
  readonly bound: { readonly atLeast: number } | { readonly atMost: number }
  /** What this machine could reach at best, in the same run: mostly, the HTTP server with nothing behind it. */
  readonly ceiling: number | null
}

const of = (dividend: Spread | null, divisor: Spread | null): number | null =>
  ratio(dividend?.median ?? null, divisor?.median ?? null)

const atLeast = (
  bound: number,
  name: string,
  figure: number | null,
  ceiling: number | null = null,
): Goal => ({ name, figure, bound: { atLeast: bound }, ceiling })

const atMost = (
  bound: number,
  name: string,
  figure: number | null,
  ceiling: number | null = null,
): Goal => ({ name, figure, bound: { atMost: bound }, ceiling })

/** Processor time says what the machine must do, whoever else is on it; a rate also who shares it. */
const costGoals = (results: Results): ReadonlyArray<Goal> => {
  const cost = (name: ContenderName, connections: number) =>
    loadFigures(results, name, "near", connections).cost
  const ingest = (connections: number) =>
    of(cost("async", connections).service, cost("ceiling", connections).service)
  const total = (name: ContenderName, connections: number) =>
    of(cost(name, connections).total, cost("sync", connections).total)
  const where = "processor time a write, near, connections:"
  return [
    atMost(1.35, `ingest / ceiling ${where} ${MANY}`, ingest(MANY)),
    atMost(1.7, `ingest / ceiling ${where} ${FEW}`, ingest(FEW)),
    ...[[MANY, 0.36] as const, [FEW, 0.42] as const].map(([count, bound]) =>
      atMost(
        bound,
        `async / sync, all processes, ${where} ${count}`,
        total("async", count),
        total("ceiling", count),
      ),
    ),
  ]
}

const readGoals = (results: Results): ReadonlyArray<Goal> => {
  const reader = loadFigures(results, "reader", "near", MANY, "read")
  const plain = loadFigures(results, "sync", "near", MANY, "read")
  const where = `near, connections: ${MANY}`
  return [
    atMost(
      0.6,
      `reader / plain handler processor time a read, ${where}`,
      of(reader.cost.total, plain.cost.total),
    ),
    atLeast(1.5, `reader / plain handler reads, ${where}`, of(reader.perSecond, plain.perSecond)),
    atMost(1.2, "processor time a read, last round / first, reader", readDrift(results, MANY)),
  ]
}

const throughputGoals = (results: Results): ReadonlyArray<Goal> => {
  const rate = (name: ContenderName, distance: Distance, count: number, work?: Work) =>
    loadFigures(results, name, distance, count, work).perSecond
  const toSync = (distance: Distance, count: number, name: ContenderName, work?: Work) =>
    of(
      rate(name, name === "ceiling" ? "near" : distance, count, work),
      rate("sync", distance, count),
    )
  const bulk = loadFigures(results, "async", "near", BULK_CONNECTIONS, "bulk")
  const single = loadFigures(results, "async", "near", MANY).acceptedPerSecond
  const sync = rate("sync", "near", MANY)
  const waits = (
    [
      [1.3, "near", FEW],
      [1, "far", FEW],
      [2.5, "near", CROWD],
    ] as const
  ).map(([bound, distance, count]) =>
    atLeast(
      bound,
      `async, Prefer: wait / sync writes, ${distance}, connections: ${count}`,
      toSync(distance, count, "async", "wait"),
      toSync(distance, count, "ceiling"),
    ),
  )
  return [
    atLeast(
      2,
      `async / sync writes, near, sustained, connections: ${MANY}`,
      toSync("near", MANY, "async"),
      toSync("near", MANY, "ceiling"),
    ),
    atLeast(
      10,
      `async / sync writes, far, sustained, connections: ${FEW}`,
      toSync("far", FEW, "async"),
      toSync("far", FEW, "ceiling"),
    ),
    atLeast(5, "in bulk / one by one, accepted", of(bulk.acceptedPerSecond, single)),
    atLeast(
      10,
      "in bulk / sync writes, near, sustained",
      of(bulk.perSecond, sync),
      of(drainFigure(results, 1_000, "loop"), sync),
    ),
    ...waits,
  ]
}

/** One worker that serves all shards, beside one that serves one. */
const scaleGoals = (results: Results): ReadonlyArray<Goal> => {
  const worker = (shards: number) => scaleFigures(results, shards, SCALE_RATE).cost.worker
  const where = `worker, ${SCALE_RATE} writes a second`
  return [
    atMost(1.4, `processor time a write, 64 shards / 1, ${where}`, of(worker(64), worker(1))),
    atMost(0.03, "share of a core, idle worker, 64 shards", idleShare(results, 64)),
  ]
}

/** What one client waits for that is far from the database. */
const latencyGoals = (results: Results): ReadonlyArray<Goal> => {
  const [sync, async] = (["sync", "async"] as const).map((name) =>
    loadFigures(results, name, "far", 1),
  ) as [LoadFigures, LoadFigures]
  const ceiling = loadFigures(results, "ceiling", "near", 1)
  return [
    atLeast(
      40,
      "sync / async p50 latency, far, one connection",
      of(sync.p50, async.p50),
      of(sync.p50, ceiling.p50),
    ),
    atLeast(
      4,
      "sync / async p99 latency, far, one connection",
      of(sync.p99, async.p99),
      of(sync.p99, ceiling.p99),
    ),
  ]
}

export const evaluate = (results: Results): ReadonlyArray<Goal> => {
  const drain = of(drainFigure(results, 1_000, "worker"), drainFigure(results, 1_000, "loop"))
  const always = of(durabilityFigure(results, "always"), durabilityFigure(results, "off"))
  const commits = (name: ContenderName) => loadFigures(results, name, "near").commitsPerThousand
  const lone = quantileOf(visibility(results, "async", 0, "lone"), 0.5)
  const { async, missing } = outageFigures(results)
  const failedOrLost = async.failed && missing && async.failed.max + missing.max
  const grown = of(growthFigure(results, MILLION, "p99"), growthFigure(results, 0, "p99"))
  return [
    ...costGoals(results),
    ...readGoals(results),
    ...throughputGoals(results),
    ...latencyGoals(results),
    ...scaleGoals(results),
    atLeast(0.85, "drain / bare upsert loop, batch 1000", drain),
    atLeast(0.8, "AOF always / AOF off, accept throughput", always),
    atMost(
      0.05,
      "commits per 1,000 writes, async / sync, sustained",
      of(commits("async"), commits("sync")),
    ),
    atMost(
      10,
      "visible p50, lone write, poll interval 0 / one upsert",
      ratio(lone, upsertMillis(results)),
    ),
    atMost(0, "failed or lost while PostgreSQL is down, async", failedOrLost),
    atMost(1.3, "accept p99, 1,000,000 queued / none", grown),
  ]
}

/** Null when it was not measured. */
export const isReached = ({ figure, bound }: Goal): boolean | null =>
  figure === null ? null : "atLeast" in bound ? figure >= bound.atLeast : figure <= bound.atMost

/** What a run fell short of, in one sentence. */
export const shortfall = (results: Results): string => {
  const missed = evaluate(results).filter((goal) => isReached(goal) === false)
  const words = missed.map((goal) => {
    const [name, bound, figure] = goalLine(goal)
    return `${name} ${figure} (${bound})`
  })
  return missed.length === 0 ? "All goals were reached." : `Not reached: ${words.join("; ")}.`
}

export const goalLine = (goal: Goal): ReadonlyArray<string> => {
  const { name, figure, bound, ceiling } = goal
  const reached = isReached(goal)
  return [
    name,
    "atLeast" in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`,
    plain(figure),
    plain(ceiling),
    reached === null ? "not measured" : reached ? "reached" : "not reached",
  ]
}
