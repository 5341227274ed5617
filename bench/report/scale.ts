/** What a write costs with many shards, as figures, and as a table for a terminal. */
import type { Results, ScaleRound } from "../result.ts"
import { ratio, type Spread, spread } from "../statistics.ts"
import { PROCESSES } from "./figures.ts"
import * as format from "./format.ts"

type Process = (typeof PROCESSES)[number]

/** Of one number of shards at this rate; null: as many writes as clients could send. Costs are µs of processor time. */
export const scaleFigures = ({ scale }: Results, shards: number, rate: number | null) => {
  const rounds = (scale?.loads ?? []).filter(
    (round) => round.shards === shards && round.rate === rate,
  )
  const of = (figure: (round: ScaleRound) => number) => spread(rounds.map(figure))
  const cost = (name: Process) =>
    of(({ cpuSeconds, queued, processed }) => {
      const isBefore = name === "service" || name === "redis"
      return ((cpuSeconds[name] ?? Number.NaN) / (isBefore ? queued : processed)) * 1e6
    })
  return {
    perSecond: of(({ perSecond }) => perSecond),
    writesPerBatch: of(({ processed, batches }) => processed / batches),
    commitsPerThousand: of(({ commits, processed }) => (commits / processed) * 1_000),
    walPerWrite: of(({ walBytes, processed }) => walBytes / processed),
    cost: {
      service: cost("service"),
      worker: cost("worker"),
      redis: cost("redis"),
      postgres: cost("postgres"),
    } satisfies Record<Process, Spread | null>,
  }
}

/** The share of a core that a worker takes to which nothing comes. */
export const idleShare = ({ scale }: Results, shards: number): number | null => {
  const idle = scale?.idle.find((one) => one.shards === shards)
  return ratio(idle?.workerCpuSeconds ?? null, idle?.seconds ?? null)
}

const SCALE_HEAD = [
  "queue (times: µs of processor a write)",
  "per second",
  "ingest",
  "worker",
  "Redis",
  "PostgreSQL",
  "commits / 1,000",
  "writes / batch",
  "idle worker",
] as const

/** The table, and the memory of writes that wait; null when nothing was measured. */
export const scaleRows = (results: Results): ReadonlyArray<ReadonlyArray<string>> | null => {
  const { loads = [], queued = [] } = results.scale ?? {}
  if (loads.length === 0) return null
  const kinds = new Map(loads.map(({ shards, rate }) => [`${shards} ${rate}`, { shards, rate }]))
  const rows = [...kinds.values()].map(({ shards, rate }) => {
    const figures = scaleFigures(results, shards, rate)
    const { cost, perSecond, commitsPerThousand, writesPerBatch } = figures
    const shown = [...PROCESSES.map((name) => cost[name]), commitsPerThousand, writesPerBatch]
    return [
      `${shards} ${shards === 1 ? "shard" : "shards"}, ${rate === null ? "as many as can be" : format.perSecond(rate)}`,
      format.plain(perSecond && Math.round(perSecond.median)),
      ...shown.map((figure) => format.plain(figure?.median ?? null)),
      format.percent(idleShare(results, shards)),
    ]
  })
  const memory = queued.map(({ valueBytes, bytes }) => [
    `Redis memory a queued value of ${format.plain(valueBytes)} bytes`,
    format.bytes(bytes),
  ])
  return [SCALE_HEAD, ...rows, ...memory]
}
