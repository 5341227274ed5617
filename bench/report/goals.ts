/** What the buffer must reach on a machine of two cores, load generator included, and what it reached. */
import type { ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import type { Results } from "../result.ts"
import { ratio, type Spread } from "../statistics.ts"
import {
  drainFigure,
  durabilityFigure,
  growthFigure,
  loadFigures,
  outageFigures,
  quantileOf,
  upsertMillis,
  visibility,
} from "./figures.ts"
import { plain } from "./format.ts"

const MILLION = 1_000_000

export interface Goal {
  readonly name: string
  /** Null when the run did not measure it. */
  readonly figure: number | null
  readonly bound: { readonly atLeast: number } | { readonly atMost: number }
}

const of = (dividend: Spread | null, divisor: Spread | null): number | null =>
  ratio(dividend?.median ?? null, divisor?.median ?? null)

const atLeast = (bound: number, name: string, figure: number | null): Goal => {
  return { name, figure, bound: { atLeast: bound } }
}
const atMost = (bound: number, name: string, figure: number | null): Goal => {
  return { name, figure, bound: { atMost: bound } }
}

/** What a client waits for, and what many wait for that keep all of the machine busy. */
const latencyGoals = (results: Results): ReadonlyArray<Goal> =>
  [...new Set([1, results.settings.connections[0] ?? 1])].flatMap((connections) => {
    const sync = loadFigures(results, "sync", "far", connections)
    const async = loadFigures(results, "async", "far", connections)
    const where = `latency, far, connections: ${connections}`
    return [
      atLeast(12, `sync / async p50 ${where}`, of(sync.p50, async.p50)),
      atLeast(4, `sync / async p99 ${where}`, of(sync.p99, async.p99)),
    ]
  })

const throughputGoals = (results: Results): ReadonlyArray<Goal> => {
  const { connections } = results.settings
  const load = (name: ContenderName, distance: Distance, count = connections[0]) =>
    loadFigures(results, name, distance, count).perSecond
  // How much can be accepted shows where enough is offered: fewer connections wait for the log of Redis.
  const most = Math.max(...connections)
  const toCeiling = (name: ContenderName) =>
    of(load(name, "near", most), load("ceiling", "near", most))
  const near = of(load("async", "near"), load("sync", "near"))
  const far = of(load("async", "far"), load("sync", "far"))
  return [
    atLeast(2.5, "async / sync throughput, near, sustained", near),
    atLeast(10, "async / sync throughput, far, sustained", far),
    ...latencyGoals(results),
    atLeast(0.9, `accept / ceiling throughput, connections: ${most}`, toCeiling("accept")),
    atLeast(0.55, `sustained / ceiling throughput, connections: ${most}`, toCeiling("async")),
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
    ...throughputGoals(results),
    atLeast(0.75, "drain / bare upsert loop, batch 1000", drain),
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
  const { name, figure, bound } = goal
  const reached = isReached(goal)
  return [
    name,
    "atLeast" in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`,
    plain(figure),
    reached === null ? "not measured" : reached ? "reached" : "not reached",
  ]
}
