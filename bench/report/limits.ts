/** The charts of the limits: draining a backlog, durability, and a long queue. */
import type { Results } from "../result.ts"
import type { Spread } from "../statistics.ts"
import type { Group } from "./chart.ts"
import { drainFigure, durabilityFigure, growthFigure } from "./figures.ts"
import { bytes, millis, NOTHING, percent } from "./format.ts"
import { bars, type Chart, compact } from "./plot.ts"

const DRAINS = [
  { kind: "loop", count: 1, series: "ceiling", text: "one bare loop of upserts" },
  { kind: "loop", count: 2, series: "sync", text: "two bare loops" },
  { kind: "worker", count: 1, series: "async", text: "one worker" },
  { kind: "worker", count: 2, series: "accept", text: "two workers" },
] as const

export const drainChart = (results: Results): Chart | null => {
  const batches = [...new Set(results.drain.map(({ batch }) => batch))].sort((a, b) => a - b)
  if (batches.length === 0) return null
  const share = (batch: number, figure: Spread): Spread | null => {
    const bare = drainFigure(results, batch, "loop")?.median
    if (bare === undefined) return null
    const { median, min, max, count } = figure
    return { median: median / bare, min: min / bare, max: max / bare, count }
  }
  const groups = batches.map(
    (batch): Group => ({
      label: batch === 1 ? "batches of 1" : `${batch}`,
      bars: DRAINS.flatMap(({ kind, count, series }) => {
        const figure = drainFigure(results, batch, kind, count)
        const text = compact(figure?.median ?? 0)
        return figure === null ? [] : [{ series, value: share(batch, figure), text }]
      }),
    }),
  )
  return {
    title: "Draining a backlog, as a share of a bare upsert loop",
    words: "By batch size; the numbers are rows per second. Each row is inserted by all.",
    legend: DRAINS.map(({ series, text }) => ({ series, text })),
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
