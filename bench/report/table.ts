/** The table of a run, for a terminal and for Markdown: metric, sync, async, and what one is of the other. */
import type { Distance } from "../distance.ts"
import type { Complexity, Results } from "../result.ts"
import { ratio, type Spread } from "../statistics.ts"
import {
  type LoadFigures,
  loadFigures,
  outageFigures,
  quantileOf,
  steadyFigures,
  visibility,
} from "./figures.ts"
import * as format from "./format.ts"

export type Row = readonly [metric: string, sync: string, async: string, ratio: string]

export const HEAD: Row = ["metric", "sync", "async", "async / sync"]

const times = (async: Spread | null, sync: Spread | null): string =>
  format.factor(ratio(async?.median ?? null, sync?.median ?? null))

const compare = (
  metric: string,
  sync: Spread | null,
  async: Spread | null,
  shown: format.Format,
): Row => [
  metric,
  format.withSpread(sync, shown),
  format.withSpread(async, shown),
  times(async, sync),
]

/** On one connection: what a client waits for. On many: what it waits when all the machine is busy. */
const latencyRow = (results: Results, distance: Distance, connections: number): Row => {
  const sync = loadFigures(results, "sync", distance, connections)
  const async = loadFigures(results, "async", distance, connections)
  const clients = connections === 1 ? "1 connection" : `${connections} connections`
  const cell = ({ p50, p99 }: LoadFigures) =>
    p50 === null
      ? format.NOTHING
      : `${format.withSpread(p50, format.millis)}, p99 ${format.millis(p99?.median ?? null)}`
  return [
    `write latency p50, ${distance}, ${clients}`,
    cell(sync),
    cell(async),
    async.p50 && sync.p50
      ? `${times(async.p50, sync.p50)}, p99 ${times(async.p99, sync.p99)}`
      : format.NOTHING,
  ]
}

const loadRows = (results: Results, distance: Distance): ReadonlyArray<Row> => {
  const { perSecond: sync } = loadFigures(results, "sync", distance)
  const { perSecond: async } = loadFigures(results, "async", distance)
  const [first = 1] = results.settings.connections
  return [
    ...[...new Set([1, first])].map((count) => latencyRow(results, distance, count)),
    compare(`write throughput, ${distance}, ${first} connections`, sync, async, format.perSecond),
  ]
}

/** What a client waits that comes when it is due, at a load that does not keep the machine busy. */
const steadyRow = (results: Results, distance: Distance): Row => {
  const [sync, async] = (["sync", "async"] as const).map((name) =>
    steadyFigures(results, name, distance),
  ) as [ReturnType<typeof steadyFigures>, ReturnType<typeof steadyFigures>]
  const rate = sync.rate ?? async.rate
  const load = rate === null ? "steady load" : `steady load of ${format.perSecond(rate)}`
  const cell = ({ p50, p99, p999 }: typeof sync) => {
    const high = [p99, p999].map((figure) => format.millis(figure?.median ?? null))
    return p50 === null
      ? format.NOTHING
      : `${format.millis(p50.median)}, p99 ${high[0]}, p99.9 ${high[1]}`
  }
  return [
    `write latency p50, ${distance}, ${load}`,
    cell(sync),
    cell(async),
    async.p50 && sync.p50
      ? `${times(async.p50, sync.p50)}, p99 ${times(async.p99, sync.p99)}, p99.9 ${times(async.p999, sync.p999)}`
      : format.NOTHING,
  ]
}

const visibilityRow = (
  results: Results,
  metric: string,
  pollInterval: number | null,
  load: "lone" | "loaded",
): Row => {
  const quantiles = (sorted: ReadonlyArray<number>) =>
    sorted.length === 0
      ? format.NOTHING
      : `${format.millis(quantileOf(sorted, 0.5))}, p99 ${format.millis(quantileOf(sorted, 0.99))}`
  const sync = visibility(results, "sync", null, load)
  const async = visibility(results, "async", pollInterval, load)
  const slower = ratio(quantileOf(async, 0.5), quantileOf(sync, 0.5))
  return [metric, quantiles(sync), quantiles(async), format.factor(slower)]
}

const complexityRow = ({ complexity }: Results): Row => {
  const words = ({ processes, stores, lines }: Complexity) =>
    `${processes.length} processes, ${stores.length} ${stores.length === 1 ? "store" : "stores"}, ` +
    `${format.plain(lines)} lines`
  return [
    "complexity",
    words(complexity.sync),
    words(complexity.async),
    format.factor(ratio(complexity.async.lines, complexity.sync.lines)),
  ]
}

/** What a write takes of the machine: of PostgreSQL, and of all processes but the load generator. */
const costRows = (results: Results): ReadonlyArray<Row> => {
  const sync = loadFigures(results, "sync", "near")
  const async = loadFigures(results, "async", "near")
  const row = (what: string, of: (load: LoadFigures) => Spread | null, shown: format.Format) =>
    compare(what, of(sync), of(async), shown)
  const clients = `near, ${results.settings.connections[0] ?? 1} connections`
  return [
    row("database load: commits per 1,000 writes", (load) => load.commitsPerThousand, format.plain),
    row("database load: WAL per 1,000 writes", (load) => load.walPerThousand, format.bytes),
    row(
      `processor time a write, ${clients}: PostgreSQL`,
      ({ cost }) => cost.postgres,
      format.micros,
    ),
    row(
      `processor time a write, ${clients}: all processes`,
      ({ cost }) => cost.total,
      format.micros,
    ),
  ]
}

const outageRows = (results: Results): ReadonlyArray<Row> => {
  const { sync, async, missing, caughtUpSeconds } = outageFigures(results)
  const lost = format.withSpread(missing, format.plain)
  return [
    compare("database away 5 s: requests that succeed", sync.share, async.share, format.percent),
    ["database away 5 s: accepted writes lost", lost, lost, format.NOTHING],
    [
      "database back: until all is visible",
      "the client's to repeat",
      format.withSpread(caughtUpSeconds, format.seconds),
      format.NOTHING,
    ],
  ]
}

export const rows = (results: Results): ReadonlyArray<Row> => [
  ...loadRows(results, "near"),
  ...loadRows(results, "far"),
  steadyRow(results, "near"),
  steadyRow(results, "far"),
  visibilityRow(results, "visible after, lone write: p50", null, "lone"),
  visibilityRow(results, "visible after, lone write, WORKER_POLL_INTERVAL=0: p50", 0, "lone"),
  visibilityRow(results, "visible after, under full load: p50", null, "loaded"),
  ...costRows(results),
  ...outageRows(results),
  complexityRow(results),
]

/** Columns as wide as they need, the first flush left and the others flush right. */
export const align = (lines: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widthOf = (column: number) => Math.max(...lines.map((line) => line[column]?.length ?? 0))
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widthOf(0)) : cell.padStart(widthOf(column))
  return lines.map((line) => line.map(pad).join("  ").trimEnd()).join("\n")
}

/** A table of Markdown; all columns but the first flush right. */
export const markdown = (
  head: ReadonlyArray<string>,
  lines: ReadonlyArray<ReadonlyArray<string>>,
): string =>
  [head, head.map((_, column) => (column === 0 ? "---" : "---:")), ...lines]
    .map((line) => `| ${line.join(" | ")} |`)
    .join("\n")

/** How a figure of this run came to be, in one line. */
export const provenance = (results: Results): string => {
  const { machine, settings, stores, date, commit, command, versions, steady = [] } = results
  const memory = format.bytes(machine.memoryBytes)
  return [
    `${settings.rounds} rounds of ${settings.duration} s, values of ${settings.valueBytes} bytes: ` +
      `median (lowest–highest); near is ${format.millis(results.roundTrip.near)} away, ` +
      `far ${format.millis(results.roundTrip.far)}`,
    `${machine.cores} cores of ${machine.processor}, ${memory}, ${machine.system}, ` +
      `${machine.syncMillis} ms to sync a page to disk; load generator included`,
    ...(steady.length === 0
      ? []
      : [
          "steady load: a latency counts from when a write was due, " +
            `sent ${format.millis(Math.max(...steady.map(({ late }) => late)))} late at p99`,
        ]),
    `${stores.postgres}, ${stores.redis}, ${results.runtime} ${versions[results.runtime] ?? ""}`,
    `${date.slice(0, 10)}, commit ${commit}, \`${command}\``,
  ].join("; ")
}
