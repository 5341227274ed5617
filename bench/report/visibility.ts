/** The visibility chart: when readers see a write. */
import type { Results } from "../result.ts"
import { quantile } from "../statistics.ts"
import { drawLine, frame } from "./chart.ts"
import { quantileOf, visibility } from "./figures.ts"
import { millis, percent } from "./format.ts"
import { type Chart, HEIGHT, X, yOf } from "./plot.ts"
import { linear, logarithmic } from "./scale.ts"

const LANES = [
  { series: "sync", contender: "sync", pollInterval: null, load: "lone", text: "sync, lone" },
  {
    series: "fast",
    contender: "async",
    pollInterval: 0,
    load: "lone",
    text: "async, poll interval 0, lone",
  },
  { series: "async", contender: "async", pollInterval: null, load: "lone", text: "async, lone" },
  {
    series: "async",
    contender: "async",
    pollInterval: null,
    load: "loaded",
    text: "async, full load",
  },
] as const

export const visibilityChart = (results: Results): Chart | null => {
  const lanes = LANES.map((lane) => ({
    ...lane,
    sorted: visibility(results, lane.contender, lane.pollInterval, lane.load),
  })).filter(({ sorted }) => sorted.length > 0)
  const all = lanes.flatMap(({ sorted }) => sorted)
  if (all.length === 0) return null
  const x = logarithmic([Math.min(...all) * 0.8, Math.max(...all) * 1.25], X)
  const y = linear([0, 1], yOf(HEIGHT))
  const label = "Share of writes visible by the time since their acceptance"
  const plot = { height: HEIGHT, label, x, y, xText: millis, yText: percent }
  const curves = lanes.map(({ series, sorted, load }) => {
    const points = Array.from(
      { length: 101 },
      (_, n) => [quantile(sorted, n / 100), n / 100] as const,
    )
    return drawLine({ series, points, isDashed: load === "loaded" }, { x, y })
  })
  return {
    title: "Visible to readers after",
    words: "Share of writes that GET /read shows so long after their answer. Left is better.",
    legend: lanes.map(({ series, text, sorted, load }) => ({
      series,
      text: `${text}: p50 ${millis(quantileOf(sorted, 0.5))}`,
      isDashed: load === "loaded",
    })),
    svg: [frame(plot, curves.join(""))],
  }
}
