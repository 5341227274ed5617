/** The latency charts: how response times are distributed. */
import type { ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import type { Results } from "../result.ts"
import { drawLine, frame, type Line } from "./chart.ts"
import { loadFigures } from "./figures.ts"
import { millis, percent } from "./format.ts"
import { type Chart, HEIGHT, X, yOf } from "./plot.ts"
import { linear, logarithmic } from "./scale.ts"

const CONTENDERS: Readonly<Record<Distance, ReadonlyArray<ContenderName>>> = {
  near: ["ceiling", "sync", "async"],
  far: ["sync", "async"],
}

/** The share of all responses in each bar of the density, over all rounds. */
const densityOf = (results: Results, contender: ContenderName, distance: Distance) => {
  const [connections] = results.settings.connections
  const counts = new Map<number, number>()
  for (const load of results.loads) {
    if (load.contender !== contender || load.distance !== distance) continue
    if (load.connections !== connections) continue
    for (const [at, count] of load.density) counts.set(at, (counts.get(at) ?? 0) + count)
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  return [...counts].sort(([a], [b]) => a - b).map(([at, count]) => [at, count / total] as const)
}

export const latencyChart = (results: Results, distance: Distance): Chart | null => {
  const lines = CONTENDERS[distance]
    .map(
      (series): Line => ({ series, points: densityOf(results, series, distance), isFilled: true }),
    )
    .filter(({ points }) => points.length > 0)
  const points = lines.flatMap((line) => line.points)
  if (points.length === 0) return null
  const times = points.filter(([, share]) => share > 1e-4).map(([at]) => at)
  const x = logarithmic([Math.min(...times) * 0.8, Math.max(...times) * 1.5], X)
  const y = linear([0, Math.max(...points.map(([, share]) => share))], yOf(HEIGHT))
  const label = `Distribution of response times, ${distance}`
  const plot = { height: HEIGHT, label, x, y, xText: millis, yText: percent }
  const inside = ([at]: readonly [number, number]) => x.at(at) >= X[0] && x.at(at) <= X[1]
  return {
    title: `Response time, ${distance} (${millis(results.roundTrip[distance])} to the database and back)`,
    words: "Share of all responses by the time they took, on a logarithmic axis. Left is better.",
    legend: lines.map(({ series }) => {
      const { p50, p99 } = loadFigures(results, series as ContenderName, distance)
      const figures = `p50 ${millis(p50?.median ?? null)}, p99 ${millis(p99?.median ?? null)}`
      return { series, text: `${series}: ${figures}` }
    }),
    svg: [
      frame(
        plot,
        lines
          .map((line) => drawLine({ ...line, points: line.points.filter(inside) }, { x, y }))
          .join(""),
      ),
    ],
  }
}
