/** The table of costs: each load with its rate, and the processor time of each process for a write or a read. */
import type { ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import type { LoadRound, Results, Work } from "../result.ts"
import { ratio } from "../statistics.ts"
import { loadFigures } from "./figures.ts"
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

/** How many clients one by one are compared with what comes in bulk. */
const ONE_BY_ONE = 100

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
    totalOf(results, { ...sync, work: "upsert", connections: ONE_BY_ONE })
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
