/** What the buffer must reach on a machine of two cores, load generator included, and what it reached. */

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

/** What a client waits for, and what many wait for that keep all of the machine busy. */
const latencyGoals = (results: Results): ReadonlyArray<Goal> =>
  [...new Set([1, results.settings.connections[0] ?? 1])].flatMap((connections) => {
    const sync = loadFigures(results, "sync", "far", connections)
    const async = loadFigures(results, "async", "far", connections)
    return [
      {
        name: `sync / async p50 latency, far, connections: ${connections}`,
        figure: of(sync.p50, async.p50),
        bound: { atLeast: 12 },
      },
      {
        name: `sync / async p99 latency, far, connections: ${connections}`,
        figure: of(sync.p99, async.p99),
        bound: { atLeast: 4 },
      },
    ]
  })

export const evaluate = (results: Results): ReadonlyArray<Goal> => {
  const load = (
    ...what: Parameters<typeof loadFigures> extends [unknown, ...infer R] ? R : never
  ) => loadFigures(results, ...what)
  const near = { sync: load("sync", "near"), async: load("async", "near") }
  const far = { sync: load("sync", "far"), async: load("async", "far") }
  // How much can be accepted shows where enough is offered: fewer connections wait for the log of Redis.
  const most = Math.max(...results.settings.connections)
  const ceiling = load("ceiling", "near", most).perSecond
  const outage = outageFigures(results)
  const lone = quantileOf(visibility(results, "async", 0, "lone"), 0.5)
  const failedOrLost =
    outage.async.failed && outage.missing && outage.async.failed.max + outage.missing.max
  return [
    {
      name: "async / sync throughput, near, sustained",
      figure: of(near.async.perSecond, near.sync.perSecond),
      bound: { atLeast: 2.5 },
    },
    {
      name: "async / sync throughput, far, sustained",
      figure: of(far.async.perSecond, far.sync.perSecond),
      bound: { atLeast: 10 },
    },
    ...latencyGoals(results),
    {
      name: `accept / ceiling throughput, connections: ${most}`,
      figure: of(load("accept", "near", most).perSecond, ceiling),
      bound: { atLeast: 0.9 },
    },
    {
      name: `sustained / ceiling throughput, connections: ${most}`,
      figure: of(load("async", "near", most).perSecond, ceiling),
      bound: { atLeast: 0.55 },
    },
    {
      name: "drain / bare upsert loop, batch 1000",
      figure: of(drainFigure(results, 1_000, "worker"), drainFigure(results, 1_000, "loop")),
      bound: { atLeast: 0.75 },
    },
    {
      name: "AOF always / AOF off, accept throughput",
      figure: of(durabilityFigure(results, "always"), durabilityFigure(results, "off")),
      bound: { atLeast: 0.8 },
    },
    {
      name: "commits per 1,000 writes, async / sync, sustained",
      figure: of(near.async.commitsPerThousand, near.sync.commitsPerThousand),
      bound: { atMost: 0.05 },
    },
    {
      name: "visible p50, lone write, poll interval 0 / one upsert",
      figure: ratio(lone, upsertMillis(results)),
      bound: { atMost: 10 },
    },
    {
      name: "failed or lost while PostgreSQL is down, async",
      figure: failedOrLost,
      bound: { atMost: 0 },
    },
    {
      name: "accept p99, 1,000,000 queued / none",
      figure: of(growthFigure(results, MILLION, "p99"), growthFigure(results, 0, "p99")),
      bound: { atMost: 1.3 },
    },
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
