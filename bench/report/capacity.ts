/**
 * The table of capacity: how many of each process so many writes a second need, from the processor time that one of
 * each was measured to take for a write, and from what is assumed beyond that, which the line below the table says.
 */
import { SHARDS_MAX } from "../../shared/queue/shards.ts"
import type { Results } from "../result.ts"
import { PROCESSES } from "./figures.ts"
import * as format from "./format.ts"
import { scaleFigures } from "./scale.ts"
import { markdown } from "./table.ts"

const RATES = [10_000, 100_000, 1_000_000, 10_000_000]

/** Beyond so many writes a second there are several installations, each with its share of the keys. */
const INSTALLATION_MAX = 1_000_000

/** Of a core, and of a disk, that is planned to be busy. */
const PLANNED = 0.6

/** What a PostgreSQL primary is assumed to have. */
const PRIMARY_CORES = 8
const PRIMARY_WAL_BYTES = 64 * 1_024 ** 2

/** Names of shards fall unevenly on the nodes of a cluster. */
const SHARDS_PER_MASTER = 8
const SHARDS_MIN = 64

const VALUE_BYTES = 100
const OUTAGE_SECONDS = 60

type Costs = Readonly<Record<(typeof PROCESSES)[number] | "wal", number>>

/** µs of processor time and bytes of WAL a write, at the most that clients could send; null when not measured. */
const costsOf = (results: Results, shards: number): Costs | null => {
  const { cost, walPerWrite } = scaleFigures(results, shards, null)
  const medians = [...PROCESSES.map((name) => cost[name]), walPerWrite].map((one) => one?.median)
  const [service, worker, redis, postgres, wal] = medians
  return service && worker && redis && postgres && wal
    ? { service, worker, redis, postgres, wal }
    : null
}

interface Part {
  readonly name: string
  readonly count: number
  /** The most writes a second that all of them together can take. */
  readonly most: number
}

const part = (name: string, rate: number, mostOfOne: number): Part => {
  const count = Math.ceil(rate / (mostOfOne * PLANNED))
  return { name, count, most: count * mostOfOne }
}

const perCore = (micros: number) => 1e6 / micros

/** What one installation needs. */
const plan = (rate: number, one: Costs, many: Costs) => {
  const isOne = part("Redis", rate, perCore(one.redis)).count === 1
  const costs = isOne ? one : many
  const masters = part("Redis", rate, perCore(costs.redis))
  const wanted = Math.max(SHARDS_MIN, 2 ** Math.ceil(Math.log2(SHARDS_PER_MASTER * masters.count)))
  const primary = Math.min(perCore(costs.postgres) * PRIMARY_CORES, PRIMARY_WAL_BYTES / costs.wal)
  return {
    shards: isOne ? 1 : Math.min(SHARDS_MAX, wanted),
    walBytes: rate * costs.wal,
    parts: [
      part("ingest", rate, perCore(costs.service)),
      masters,
      part("worker", rate, perCore(costs.worker)),
      part("PostgreSQL", rate, primary),
    ] as const,
  }
}

const HEAD = [
  "writes a second",
  "ingests",
  "Redis masters (shards)",
  "workers",
  "PostgreSQL primaries",
  "WAL a second",
  "queue memory a minute of outage",
  "full first, at writes a second",
] as const

const round = (rate: number) => format.compact(Number(rate.toPrecision(2)))

/** Null when the run did not measure what it is made from. */
export const capacityTable = (results: Results): string | null => {
  const one = costsOf(results, 1)
  const shards = Math.max(...(results.scale?.loads ?? []).map((load) => load.shards))
  const many = costsOf(results, shards)
  const bytes = results.scale?.queued.find(({ valueBytes }) => valueBytes === VALUE_BYTES)?.bytes
  if (!one || !many || bytes === undefined) return null
  const lines = RATES.map((rate) => {
    const count = Math.ceil(rate / INSTALLATION_MAX)
    const { parts, walBytes, shards } = plan(rate / count, one, many)
    const [ingests, masters, workers, primaries] = parts
    const first = parts.reduce((least, other) => (other.most < least.most ? other : least))
    const all = ({ count: each }: Part) => format.plain(each * count)
    return [
      format.compact(rate),
      all(ingests),
      `${all(masters)} (${format.plain(shards * count)})`,
      all(workers),
      all(primaries),
      format.bytes(walBytes * count),
      format.bytes(bytes * rate * OUTAGE_SECONDS),
      `${first.name}, ${round(first.most * count)}`,
    ]
  })
  return `${markdown(HEAD, lines)}\n\n${assumptions(results, shards, one, many)}\n`
}

const costWords = ({ service, redis, worker, postgres, wal }: Costs): string =>
  `ingest ${format.micros(service)}, Redis ${format.micros(redis)}, worker ${format.micros(worker)}, ` +
  `PostgreSQL ${format.micros(postgres)} and ${format.bytes(wal)} of WAL`

const assumptions = (results: Results, shards: number, one: Costs, many: Costs): string => {
  const { machine, stores, date, commit, command } = results
  const most = Math.max(
    ...[1, shards].map((count) => scaleFigures(results, count, null).perSecond?.median ?? 0),
  )
  return [
    `Measured, up to ${format.perSecond(Math.round(most))}: values of ${VALUE_BYTES} bytes, processor time a write ` +
      `with one shard ${costWords(one)}; with ${shards} on one Redis ${costWords(many)}`,
    `planned for ${format.percent(PLANNED)} of a core, which an ingest, a Redis master and a worker have one of`,
    "assumed beyond that: a write costs as much on many machines; a PostgreSQL primary has " +
      `${PRIMARY_CORES} cores, the rows in memory, and a disk that takes ${format.bytes(PRIMARY_WAL_BYTES)} ` +
      "of WAL a second, of which as large a part is planned for; where there are several they share the " +
      "keys, as do several installations, one for each " +
      `${format.compact(INSTALLATION_MAX)} writes a second; replicas come on top`,
    `${machine.cores} cores of ${machine.processor}, ${stores.postgres}, ${stores.redis}`,
    `${date.slice(0, 10)}, commit ${commit}, \`${command}\`.`,
  ].join("; ")
}
