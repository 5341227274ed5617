/** The throughput charts: writes per second by connections. */
import type { ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import type { Results } from "../result.ts"
import type { Group, Series } from "./chart.ts"
import { loadFigures } from "./figures.ts"
import { NOTHING } from "./format.ts"
import { bars, type Chart, compact } from "./plot.ts"

export const throughputChart = (results: Results, distance: Distance): Chart | null => {
  const shown: ReadonlyArray<ContenderName> =
    distance === "near" ? ["sync", "async", "accept", "ceiling"] : ["sync", "async"]
  const counts = [...new Set(results.loads.map(({ connections }) => connections))]
  const groups = counts
    .sort((a, b) => a - b)
    .map(
      (count): Group => ({
        label: count === 1 ? "1 connection" : `${count}`,
        bars: shown.map((series) => {
          const value = loadFigures(results, series, distance, count).perSecond
          return { series, value, text: value ? compact(value.median) : NOTHING }
        }),
      }),
    )
  if (groups.length === 0) return null
  const meaning: Readonly<Record<ContenderName, string>> = {
    sync: "sync: one upsert a request",
    async: "async: sustained, worker running",
    accept: "accept: ingest alone",
    ceiling: "ceiling: the HTTP server without Redis",
  }
  return {
    title: `Writes per second by connections, ${distance}`,
    words: "Median of the rounds, with the lowest and the highest. Higher is better.",
    legend: shown.map((series) => ({ series: series as Series, text: meaning[series] })),
    svg: [bars(`Writes per second by connections, ${distance}`, groups)],
  }
}
