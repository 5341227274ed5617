/**
 * The table of costs: each load with its rate, and the processor time of each process for a write or a read;
 * and its charts.
 */
import type { ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import { BULK_CONNECTIONS, USUAL_CONNECTIONS } from "../request.ts"
import type { LoadRound, Results, Work } from "../result.ts"
import { ratio } from "../statistics.ts"
import type { Chart } from "./chart.ts"
import { loadFigures, PROCESSES } from "./figures.ts"
import * as format from "./format.ts"

/** The processor times are in µs a write or a read. */
export const COST_HEAD = [
  "load (times: µs of processor each)",
  "per second",
  "p50",
  "p99",
  "service",
  "worker",
  "Redis",
  "PostgreSQL",
  "all",
  "/ sync",
] as const

const WORK: Readonly<Record<Work, string>> = {
  upsert: "write",
  wait: "write, Prefer: wait",
  bulk: "write in bulk",
  append: "append",
  mixed: "write, two tables",
  read: "read",
}

interface Load {
  readonly contender: ContenderName
  readonly distance: Distance
  readonly connections: number
  readonly work: Work
}

const totalOf = (results: Results, { contender, distance, connections, work }: Load) =>
  loadFigures(results, contender, distance, connections, work).cost.total?.median ?? null

/** What sync takes for the same; where it does not do the same, for as many rows one by one. */
const ofSync = (results: Results, load: Load): number | null => {
  const sync = { ...load, contender: "sync" } as const
  return (
    totalOf(results, sync) ??
    totalOf(results, { ...sync, work: "upsert" }) ??
    totalOf(results, { ...sync, work: "upsert", connections: USUAL_CONNECTIONS })
  )
}

export const costShare = (results: Results, load: Load): number | null =>
  ratio(totalOf(results, load), ofSync(results, load))

/** Each once: near before far, and what is asked alike on as many connections together. */
const loadsOf = ({ loads }: Results): ReadonlyArray<Load> => {
  const name = ({ distance, work = "upsert", connections }: LoadRound) =>
    `${distance === "near" ? 0 : 1}${Object.keys(WORK).indexOf(work)}${String(connections).padStart(4, "0")}`
  const order = ["ceiling", "sync", "async", "reader"]
  const place = (load: LoadRound) => name(load) + order.indexOf(load.contender)
  const known = new Map(loads.map((load) => [place(load), load]))
  return [...known]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { contender, distance, connections, work = "upsert" }]) => {
      return { contender, distance, connections, work }
    })
}

export const costRows = (results: Results): ReadonlyArray<ReadonlyArray<string>> =>
  loadsOf(results).map((load) => {
    const { contender, distance, connections, work } = load
    const figures = loadFigures(results, contender, distance, connections, work)
    const { service, worker, redis, postgres, total } = figures.cost
    const name = work === "read" && contender === "sync" ? "plain handler" : contender
    return [
      `${WORK[work]}, ${distance}, ${connections}: ${name}`,
      format.plain(figures.perSecond && Math.round(figures.perSecond.median)),
      format.millis(figures.p50?.median ?? null),
      format.millis(figures.p99?.median ?? null),
      ...[service, worker, redis, postgres, total].map((cost) =>
        format.plain(cost?.median ?? null),
      ),
      format.factor(costShare(results, load)),
    ]
  })

const LEGEND = [
  { series: "service", text: "what answers: sync, ingest, reader" },
  { series: "worker", text: "worker" },
  { series: "redis", text: "Redis" },
  { series: "postgres", text: "PostgreSQL, all its processes" },
] as const

/** A bar for each load that was measured, under its name. */
const chart = (
  results: Results,
  title: string,
  loads: ReadonlyArray<readonly [label: string, load: Load]>,
): Chart | null => {
  const groups = loads.flatMap(([label, { contender, distance, connections, work }]) => {
    const { cost } = loadFigures(results, contender, distance, connections, work)
    if (cost.total === null) return []
    const parts = PROCESSES.map((series) => ({ series, value: cost[series]?.median ?? 0 }))
    const text = format.compact(Math.round(cost.total.median))
    return [{ label, bars: [{ parts, value: cost.total, text }] }]
  })
  if (groups.length === 0) return null
  const words = "Median µs for each, without the load generator. Lower is better."
  return { title, words, legend: LEGEND, plots: [{ label: title, y: "micros", groups }] }
}

const KINDS = [
  ["sync", "upsert", "sync"],
  ["async", "upsert", "async"],
  ["async", "wait", "async\nwait"],
  ["async", "bulk", "async\nbulk"],
  ["sync", "append", "sync\nappend"],
  ["async", "append", "async\nappend"],
  ["sync", "mixed", "sync\nmixed"],
  ["async", "mixed", "async\nmixed"],
  ["sync", "read", "plain\nread"],
  ["reader", "read", "reader\nread"],
] as const

const ofKinds = (results: Results, distance: Distance): Chart | null => {
  const { connections } = results.settings
  const usual = connections.includes(USUAL_CONNECTIONS) ? USUAL_CONNECTIONS : (connections[0] ?? 1)
  const loads = KINDS.map(([contender, work, label]) => {
    const load = { contender, distance, work }
    return [label, { ...load, connections: work === "bulk" ? BULK_CONNECTIONS : usual }] as const
  })
  return chart(results, `Processor time a write or read, ${distance}, ${usual} clients`, loads)
}

const byConnections = (results: Results): ReadonlyArray<Chart | null> =>
  (["near", "far"] as const).map((distance) => {
    const counts = results.settings.connections.filter((count) => count > 1).sort((a, b) => a - b)
    const loads = counts.flatMap((connections) =>
      KINDS.slice(0, 3).map(([contender, work, label]) => {
        const name = work === "wait" ? "wait" : label
        return [`${name}\n${connections}`, { contender, distance, work, connections }] as const
      }),
    )
    return chart(results, `Processor time a write by connections, ${distance}`, loads)
  })

export const costCharts = (results: Results): ReadonlyArray<Chart | null> => [
  ...[ofKinds(results, "near"), ofKinds(results, "far")],
  ...byConnections(results),
]
