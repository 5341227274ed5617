/** The charts of the limits: draining a backlog, durability, and a long queue. */
import type { Results } from "../result.ts"
import type { Spread } from "../statistics.ts"
import type { Group } from "./chart.ts"
import { drainFigure, durabilityFigure, growthFigure } from "./figures.ts"
import { bytes, millis, NOTHING, percent } from "./format.ts"
import { bars, type Chart, compact } from "./plot.ts"

export const drainChart = (results: Results): Chart | null => {
  const batches = [...new Set(results.drain.map(({ batch }) => batch))].sort((a, b) => a - b)
  if (batches.length === 0) return null
  const share = (batch: number, workers: number): Spread | null => {
    const bare = drainFigure(results, batch, 0)?.median
    const figure = drainFigure(results, batch, workers)
    if (bare === undefined || figure === null) return null
    const { median, min, max, count } = figure
    return { median: median / bare, min: min / bare, max: max / bare, count }
  }
  const shown = [
    [0, "ceiling"],
    [1, "async"],
    [2, "accept"],
  ] as const
  const groups = batches.map(
    (batch): Group => ({
      label: batch === 1 ? "batches of 1" : `${batch}`,
      bars: shown.flatMap(([workers, series]) => {
        const figure = drainFigure(results, batch, workers)
        return figure === null
          ? []
          : [{ series, value: share(batch, workers), text: compact(figure.median) }]
      }),
    }),
  )
  return {
    title: "Draining a backlog, as a share of a bare upsert loop",
    words: "The numbers are rows per second. Batches of the same size, two in flight in each.",
    legend: [
      { series: "ceiling", text: "a bare loop of upserts" },
      { series: "async", text: "one worker" },
      { series: "accept", text: "two workers" },
    ],
    svg: [bars("Rows per second by batch size", groups, percent)],
  }
}

export const durabilityChart = (results: Results): Chart | null => {
  if (results.durability.length === 0) return null
  const groups = ["off", "everysec", "always"].map((mode): Group => {
    const value = durabilityFigure(results, mode)
    return {
      label: `AOF ${mode}`,
      bars: [{ series: "accept", value, text: value ? compact(value.median) : NOTHING }],
    }
  })
  return {
    title: "What durability costs",
    words: "Writes accepted each second, by when Redis has them on disk. Higher is better.",
    legend: [{ series: "accept", text: "accept: ingest alone" }],
    svg: [bars("Writes accepted per second by durability", groups)],
  }
}

export const growthChart = (results: Results): Chart | null => {
  const queued = [...new Set(results.growth.map((round) => round.queued))].sort((a, b) => a - b)
  if (queued.length === 0) return null
  const groups = queued.map((count): Group => {
    const value = growthFigure(results, count, "p99")
    return {
      label: `${compact(count)} queued`,
      bars: [{ series: "accept", value, text: millis(value?.median ?? null) }],
    }
  })
  const [each] = results.bytesPerWrite
  return {
    title: "What a long queue costs",
    words: `p99 of the acceptance of a write. Each write that waits takes ${bytes(each ?? null)} of Redis.`,
    legend: [{ series: "accept", text: "accept: ingest alone" }],
    svg: [bars("p99 of acceptance by the length of the queue", groups, millis)],
  }
}
