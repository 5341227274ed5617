/** The charts of the report as data: what is shown of which rounds. `draw.js` draws them in the browser. */
import type { ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import type { OutageSample, Results } from "../result.ts"
import { quantile, type Spread } from "../statistics.ts"
import type { Bar, Chart, Series } from "./chart.ts"
import { costCharts } from "./costs.ts"
import * as figures from "./figures.ts"
import * as format from "./format.ts"

const ascending = (values: ReadonlyArray<number>) => [...new Set(values)].sort((a, b) => a - b)

const latency = (results: Results, distance: Distance): Chart | null => {
  const shown: ReadonlyArray<ContenderName> = ["ceiling", "sync", "async"]
  const lines = shown
    .slice(distance === "near" ? 0 : 1)
    .map((series) => ({ series, ...figures.density(results, series, distance), isFilled: true }))
    .filter(({ x }) => x.length > 0)
  if (lines.length === 0) return null
  const label = `Distribution of response times, ${distance}`
  return {
    title: `Response time, ${distance} (${format.millis(results.roundTrip[distance])} to the database and back)`,
    words: "Share of all responses by the time they took, on a logarithmic axis. Left is better.",
    legend: lines.map(({ series }) => {
      const { p50, p99 } = figures.loadFigures(results, series, distance)
      const [middle, high] = [p50, p99].map((figure) => format.millis(figure?.median ?? null))
      return { series, text: `${series}: p50 ${middle}, p99 ${high}` }
    }),
    plots: [{ label, x: "millis", y: "percent", lines }],
  }
}

const VISIBILITY = [
  { series: "sync", contender: "sync", pollInterval: null, load: "lone", text: "sync" },
  {
    series: "fast",
    contender: "async",
    pollInterval: 0,
    load: "lone",
    text: "async, poll interval 0",
  },
  { series: "async", contender: "async", pollInterval: null, load: "lone", text: "async" },
  { series: "async", contender: "async", pollInterval: null, load: "loaded", text: "async" },
] as const

const SHARES = Array.from({ length: 101 }, (_, n) => n / 100)

const visibility = (results: Results): Chart | null => {
  const lanes = VISIBILITY.map(({ series, contender, pollInterval, load, text }) => {
    const sorted = figures.visibility(results, contender, pollInterval, load)
    const words = `${text}, ${load === "lone" ? "lone" : "full load"}`
    const median = format.millis(figures.quantileOf(sorted, 0.5))
    return { series, isDashed: load === "loaded", sorted, text: `${words}: p50 ${median}` }
  }).filter(({ sorted }) => sorted.length > 0)
  if (lanes.length === 0) return null
  const lines = lanes.map(({ series, isDashed, sorted }) => {
    return { series, isDashed, x: SHARES.map((share) => quantile(sorted, share)), y: SHARES }
  })
  const label = "Share of writes visible by the time since their acceptance"
  return {
    title: "Visible to readers after",
    words: "Share of writes that GET /read shows so long after their answer. Left is better.",
    legend: lanes,
    plots: [{ label, x: "millis", y: "percent", lines }],
  }
}

const outage = ({ outage: [round] }: Results): Chart | null => {
  if (round === undefined) return null
  const { samples, downAt: from, upAt: to, how } = round
  const x = samples.map(({ at }) => at)
  const depths = samples.map(({ depth }) => depth)
  const perSecond = (side: "sync" | "async") => (sample: OutageSample, index: number) =>
    sample[side].accepted / (sample.at - (samples[index - 1]?.at ?? 0))
  const sides = ["sync", "async"] as const
  return {
    title: "PostgreSQL away for five seconds",
    words: `Above: requests that succeed each second. Below: writes that wait in Redis. ${how}.`,
    legend: sides.map((series) => {
      const { accepted, due, missing } = round[series]
      const share = `${format.plain(accepted)} of ${format.plain(due)} succeed`
      return { series, text: `${series}: ${share}, ${missing} lost` }
    }),
    plots: [
      {
        label: "Successes per second in an outage",
        x: "seconds",
        y: "count",
        lines: sides.map((series) => ({ series, x, y: samples.map(perSecond(series)) })),
        band: { from, to, text: "PostgreSQL is away" },
      },
      {
        label: "Writes that wait in an outage",
        x: "seconds",
        y: "count",
        lines: [{ series: "async", x, y: depths, isFilled: true }],
        band: { from, to, text: "" },
        isLow: true,
      },
    ],
  }
}

const bar = (series: Series, value: Spread | null, show: format.Format): ReadonlyArray<Bar> =>
  value === null
    ? []
    : [{ parts: [{ series, value: value.median }], value, text: show(value.median) }]

const CONTENDERS = [
  { series: "sync", contender: "sync", work: "upsert", text: "sync: one upsert a request" },
  { series: "async", contender: "async", work: "upsert", text: "async: sustained" },
  { series: "fast", contender: "async", work: "wait", text: "async, each waits for its commit" },
  { series: "ceiling", contender: "ceiling", work: "upsert", text: "ceiling: HTTP without Redis" },
] as const

const throughput = (results: Results, distance: Distance): Chart | null => {
  const counts = ascending(
    results.loads.filter(({ work }) => !work || work === "wait").map((load) => load.connections),
  )
  if (counts.length === 0) return null
  const legend = CONTENDERS.slice(0, distance === "near" ? 4 : 3)
  const groups = counts.flatMap((count) => {
    const bars = legend.flatMap(({ series, contender, work }) => {
      const { perSecond } = figures.loadFigures(results, contender, distance, count, work)
      return bar(series, perSecond, format.compact)
    })
    return bars.length === 0 ? [] : [{ label: count === 1 ? "1 connection" : `${count}`, bars }]
  })
  const title = `Writes per second by connections, ${distance}`
  const words = "Median of the rounds, with the lowest and the highest. Higher is better."
  return { title, words, legend, plots: [{ label: title, y: "count", groups }] }
}

const DRAINS = [
  { kind: "loop", count: 1, series: "ceiling", text: "one bare loop of upserts" },
  { kind: "loop", count: 2, series: "sync", text: "two bare loops" },
  { kind: "worker", count: 1, series: "async", text: "one worker" },
  { kind: "worker", count: 2, series: "accept", text: "two workers" },
] as const

const drain = (results: Results): Chart | null => {
  const batches = ascending(results.drain.map(({ batch }) => batch))
  if (batches.length === 0) return null
  const sizes = batches.map((batch) => {
    return { batch, tables: 1, label: batch === 1 ? "batches of 1" : `${batch}` }
  })
  const mixed = { batch: Math.max(...batches), tables: 2, label: "of two tables" }
  const groups = [...sizes, mixed].flatMap(({ batch, tables, label }) => {
    const bars = DRAINS.flatMap(({ kind, count, series }) => {
      const rows = figures.drainFigure(results, batch, kind, count, tables)
      const share = figures.drainShare(results, batch, kind, count, tables)
      return bar(series, share, () => format.compact(rows?.median ?? null))
    })
    return bars.length === 0 ? [] : [{ label, bars }]
  })
  return {
    title: "Draining a backlog, as a share of a bare upsert loop",
    words: "By batch size; the numbers are rows per second. Each row is inserted by all.",
    legend: DRAINS,
    plots: [{ label: "Rows per second by batch size", y: "percent", groups }],
  }
}

const ACCEPT = { series: "accept", text: "accept: ingest alone" } as const

const durability = (results: Results): Chart | null => {
  if (results.durability.length === 0) return null
  const groups = ["off", "everysec", "always"].map((mode) => ({
    label: `AOF ${mode}`,
    bars: bar("accept", figures.durabilityFigure(results, mode), format.compact),
  }))
  return {
    title: "What durability costs",
    words: "Writes accepted each second, by when Redis has them on disk. Higher is better.",
    legend: [ACCEPT],
    plots: [{ label: "Writes accepted per second by durability", y: "count", groups }],
  }
}

const growth = (results: Results): Chart | null => {
  const queued = ascending(results.growth.map((round) => round.queued))
  if (queued.length === 0) return null
  const groups = queued.map((count) => ({
    label: `${format.compact(count)} queued`,
    bars: bar("accept", figures.growthFigure(results, count, "p99"), format.millis),
  }))
  const each = format.bytes(results.bytesPerWrite[0] ?? null)
  return {
    title: "What a long queue costs",
    words: `p99 of the acceptance of a write. Each write that waits takes ${each} of Redis.`,
    legend: [ACCEPT],
    plots: [{ label: "p99 of acceptance by the length of the queue", y: "millis", groups }],
  }
}

/** Those of what was measured, in the order of the page. */
export const charts = (results: Results): ReadonlyArray<Chart> =>
  [
    latency(results, "near"),
    latency(results, "far"),
    throughput(results, "near"),
    throughput(results, "far"),
    ...costCharts(results),
    visibility(results),
    outage(results),
    drain(results),
    durability(results),
    growth(results),
  ].filter((chart) => chart !== null)
