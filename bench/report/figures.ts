/** The figures of a run: medians and spreads over its rounds, by what they are of. */
import type { ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import type {
  DrainRound,
  LoadRound,
  OutageRound,
  Results,
  SteadyRound,
  VisibilityRound,
  Work,
} from "../result.ts"
import { median, quantile, ratio, type Spread, sort, spread } from "../statistics.ts"

/** So much of a second's writes may wait when a load ends: a worker waits as long for more. */
const WAITING_MAX = 0.1

/**
 * Writes per second that the table kept up with, or reads: what was accepted while the load lasted, if hardly
 * any of it waited then; else over the time until none waited.
 */
export const sustainedPerSecond = (load: LoadRound): number => {
  const { contender, depthAtEnd, drainSeconds, perSecond, accepted, seconds } = load
  const waits = contender === "async" && (depthAtEnd ?? 0) > WAITING_MAX * perSecond
  return waits ? accepted / (seconds + (drainSeconds ?? 0)) : perSecond
}

/** The processes that a write or a read costs; `service` is the one that answers. */
export const PROCESSES = ["service", "worker", "redis", "postgres"] as const
type Process = (typeof PROCESSES)[number]

/** Seconds of each; 0 of what had no part in it, null where the system does not say. */
const cpuSeconds = (load: LoadRound): Readonly<Record<Process, number | null>> => ({
  service: load.cpuSeconds.server,
  worker: load.cpuSeconds.server === null ? null : (load.cpuSeconds.worker ?? 0),
  redis: load.cpuSeconds.redis,
  postgres: load.postgresCpuSeconds,
})

export interface LoadFigures {
  /** Writes that reached the table, or reads. */
  readonly perSecond: Spread | null
  readonly acceptedPerSecond: Spread | null
  readonly p50: Spread | null
  readonly p90: Spread | null
  readonly p99: Spread | null
  readonly p999: Spread | null
  readonly commitsPerThousand: Spread | null
  readonly walPerThousand: Spread | null
  /** Processor time a write or a read, in µs: of each process, and of all but the load generator. */
  readonly cost: Readonly<Record<Process | "total", Spread | null>>
}

/** Of one contender at one distance; without a number of connections, those of the first round. */
export const loadFigures = (
  results: Results,
  contender: ContenderName,
  distance: Distance,
  connections = results.settings.connections[0],
  work: Work = "upsert",
): LoadFigures => {
  const loads = results.loads.filter(
    (load) =>
      load.contender === contender &&
      load.distance === distance &&
      load.connections === connections &&
      (load.work ?? "upsert") === work &&
      load.accepted > 0,
  )
  const of = (figure: (load: LoadRound) => number) => spread(loads.map(figure))
  const each = (load: LoadRound, all: number | null, unit: number) =>
    all === null ? Number.NaN : (all / load.accepted) * unit
  const cost = (process: Process) => of((load) => each(load, cpuSeconds(load)[process], 1e6))
  return {
    perSecond: of(sustainedPerSecond),
    acceptedPerSecond: of(({ perSecond }) => perSecond),
    p50: of(({ p50 }) => p50),
    p90: of(({ p90 }) => p90),
    p99: of(({ p99 }) => p99),
    p999: of(({ p999 }) => p999),
    commitsPerThousand: of((load) => each(load, load.commits, 1_000)),
    walPerThousand: of((load) => each(load, load.walBytes, 1_000)),
    cost: {
      service: cost("service"),
      worker: cost("worker"),
      redis: cost("redis"),
      postgres: cost("postgres"),
      total: of((load) => {
        const all = cpuSeconds(load)
        return PROCESSES.reduce((sum, name) => sum + each(load, all[name], 1e6), 0)
      }),
    },
  }
}

/** What the reader takes for a read in the last round, of what it took in the first; null of one round. */
export const readDrift = ({ loads }: Results, connections: number): number | null => {
  const costs = loads
    .filter(
      (load) =>
        load.contender === "reader" && load.distance === "near" && load.connections === connections,
    )
    .sort((a, b) => a.round - b.round)
    .map(({ cpuSeconds: { server }, accepted }) => server && server / accepted)
  return costs.length < 2 ? null : ratio(costs.at(-1) ?? null, costs[0] ?? null)
}

/** The steady load of one contender at one distance. */
export const steadyFigures = (
  { steady = [] }: Results,
  contender: SteadyRound["contender"],
  distance: Distance,
) => {
  const rounds = steady.filter(
    (round) => round.contender === contender && round.distance === distance,
  )
  const of = (figure: (round: SteadyRound) => number) => spread(rounds.map(figure))
  return {
    rate: rounds[0]?.rate ?? null,
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    p999: of(({ p999 }) => p999),
  }
}

/** A share of the responses too small to be seen would only make an axis longer. */
const SHARE_MIN = 1e-4

/** Response times, and the share of all responses of the rounds that took each. */
export const density = (
  { loads, settings }: Results,
  contender: ContenderName,
  distance: Distance,
) => {
  const counts = new Map<number, number>()
  for (const load of loads) {
    if (load.contender !== contender || load.distance !== distance || load.work) continue
    if (load.connections !== settings.connections[0]) continue
    for (const [at, count] of load.density) counts.set(at, (counts.get(at) ?? 0) + count)
  }
  const total = counts.values().reduce((sum, count) => sum + count, 0)
  const shown = [...counts].filter(([, count]) => count / total > SHARE_MIN)
  const points = shown.sort(([a], [b]) => a - b)
  return { x: points.map(([at]) => at), y: points.map(([, count]) => count / total) }
}

/** Times until a write is visible, of all rounds together, sorted. */
export const visibility = (
  results: Results,
  contender: VisibilityRound["contender"],
  pollInterval: number | null,
  load: VisibilityRound["load"],
): number[] =>
  sort(
    results.visibility
      .filter(
        (round) =>
          round.contender === contender &&
          round.pollInterval === pollInterval &&
          round.load === load,
      )
      .flatMap(({ millis }) => millis),
  )

export const quantileOf = (sorted: ReadonlyArray<number>, q: number): number | null =>
  sorted.length === 0 ? null : quantile(sorted, q)

export const outageFigures = ({ outage }: Results) => {
  const of = (figure: (round: OutageRound) => number | null) =>
    spread(outage.map((round) => figure(round) ?? Number.NaN))
  const share = ({ accepted, due }: { accepted: number; due: number }) =>
    Math.min(1, accepted / due)
  return {
    sync: { share: of(({ sync }) => share(sync)), failed: of(({ sync }) => sync.failed) },
    async: { share: of(({ async }) => share(async)), failed: of(({ async }) => async.failed) },
    missing: of(({ sync, async }) => sync.missing + async.missing),
    caughtUpSeconds: of(({ caughtUpSeconds }) => caughtUpSeconds),
    workerBytesMore: of(({ workerBytes: { before, most } }) =>
      before === null || most === null ? null : most - before,
    ),
    workerBytes: of(({ workerBytes }) => workerBytes.most),
    deepest: of(({ deepest }) => deepest),
  }
}

/** Rows per second. */
export const drainFigure = (
  { drain }: Results,
  batch: number,
  kind: DrainRound["kind"],
  count = 1,
  tables = 1,
): Spread | null =>
  spread(
    drain
      .filter((round) => round.batch === batch && round.kind === kind && round.count === count)
      .filter((round) => (round.tables ?? 1) === tables)
      .map(({ rows, seconds }) => rows / seconds),
  )

/** The same as a share of what one bare loop reaches. */
export const drainShare = (
  ...[results, batch, kind, count, tables]: Parameters<typeof drainFigure>
) => {
  const bare = drainFigure(results, batch, "loop", 1, tables)
  const figure = drainFigure(results, batch, kind, count, tables)
  if (bare === null || figure === null) return null
  const { median, min, max } = figure
  const of = (value: number) => value / bare.median
  return { median: of(median), min: of(min), max: of(max), count: figure.count }
}

export const durabilityFigure = ({ durability }: Results, mode: string): Spread | null =>
  spread(durability.filter((round) => round.mode === mode).map(({ perSecond }) => perSecond))

export const growthFigure = (
  { growth }: Results,
  queued: number,
  figure: "perSecond" | "p50" | "p99",
): Spread | null =>
  spread(growth.filter((round) => round.queued === queued).map((round) => round[figure]))

export const upsertMillis = ({ upserts }: Results): number | null => median(upserts)
