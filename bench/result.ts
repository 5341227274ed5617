/**
 * What a run writes down: every round of every measurement, and where and how it was made. Tables, goals
 * and charts are made from this alone, so that they can be made again from a file. Times are in ms
 * unless the name says seconds; null is what could not be measured here.
 */
import { readFile } from "node:fs/promises"
import type { ContenderName } from "./contender.ts"
import type { Distance } from "./distance.ts"
import type { Density } from "./histogram.ts"
import type { Machine } from "./machine.ts"

export const FORMAT = 1

/**
 * What is asked for: one row a request, answered when it is accepted or, of `wait`, committed; `bulk`, many
 * rows a request; `append`, rows without a key; `mixed`, half of the requests each; `read`, a row by its key.
 */
export type Work = "upsert" | "wait" | "bulk" | "append" | "mixed" | "read"

export interface LoadRound {
  readonly round: number
  readonly contender: ContenderName
  /** Left out: upsert. */
  readonly work?: Work
  readonly distance: Distance
  readonly connections: number
  readonly seconds: number
  readonly accepted: number
  readonly refused: number
  readonly unanswered: number
  /** Accepted writes that were not in the table when the queue was empty; null where none goes there. */
  readonly missing: number | null
  readonly perSecond: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly density: Density
  /** Writes that waited when the load ended, and how long it took until none did. */
  readonly depthAtEnd: number | null
  readonly drainSeconds: number | null
  /** What it cost PostgreSQL. */
  readonly commits: number
  readonly walBytes: number
  readonly postgresCpuSeconds: number | null
  /** CPU time of the others, in seconds. */
  readonly cpuSeconds: Readonly<Record<"load" | "server" | "worker" | "redis", number | null>>
}

/** A load of an open loop: writes are due at a steady rate, and waited for since then. */
export interface SteadyRound {
  readonly round: number
  readonly contender: "sync" | "async"
  readonly distance: Distance
  /** Writes a second. */
  readonly rate: number
  readonly accepted: number
  readonly missing: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** p99 of how much later than due the load generator sent them, which is in the others as well. */
  readonly late: number
}

export interface VisibilityRound {
  readonly round: number
  readonly contender: "sync" | "async"
  /** WORKER_POLL_INTERVAL in seconds; null is the default. */
  readonly pollInterval: number | null
  readonly load: "lone" | "loaded"
  /** From the answer until the reader shows the write, each. */
  readonly millis: ReadonlyArray<number>
}

/** A quarter of a second of an outage. */
export interface OutageSample {
  readonly at: number
  readonly sync: { readonly accepted: number; readonly failed: number }
  readonly async: { readonly accepted: number; readonly failed: number }
  readonly depth: number
}

export interface OutageSide {
  readonly due: number
  readonly accepted: number
  readonly failed: number
  readonly missing: number
}

export interface OutageRound {
  readonly round: number
  readonly how: string
  /** Seconds since the load began. */
  readonly downAt: number
  readonly upAt: number
  readonly sync: OutageSide
  readonly async: OutageSide
  /** From PostgreSQL's return until every write accepted before it is visible. */
  readonly caughtUpSeconds: number
  readonly workerBytes: { readonly before: number | null; readonly most: number | null }
  readonly deepest: number
  readonly samples: ReadonlyArray<OutageSample>
}

export interface DrainRound {
  readonly round: number
  /** Workers, or bare loops of upserts. */
  readonly kind: "loop" | "worker"
  readonly count: number
  readonly batch: number
  /** Of how many tables in turn; left out: of one. */
  readonly tables?: number
  readonly rows: number
  readonly seconds: number
  readonly missing: number
}

export interface AcceptRound {
  readonly round: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

export interface DurabilityRound extends AcceptRound {
  readonly mode: "off" | "everysec" | "always"
}

export interface GrowthRound extends AcceptRound {
  readonly queued: number
}

/**
 * A load on a queue in shards, at a steady rate or, where that is null, by as many clients as usual, each of which waits
 * for an answer. All but `accepted` and `missing` are of a part of it, in which no shard is empty for long.
 */
export interface ScaleRound {
  readonly round: number
  readonly shards: number
  readonly rate: number | null
  readonly accepted: number
  readonly missing: number
  /** Into the queue, and out of it into the table. */
  readonly queued: number
  readonly processed: number
  /** Queued a second. */
  readonly perSecond: number
  readonly batches: number
  readonly commits: number
  readonly walBytes: number
  readonly cpuSeconds: Readonly<Record<"service" | "worker" | "redis" | "postgres", number | null>>
}

export interface Scale {
  readonly loads: ScaleRound[]
  /** A worker to which nothing comes. */
  readonly idle: Array<{
    readonly shards: number
    readonly seconds: number
    readonly workerCpuSeconds: number | null
  }>
  /** Bytes of Redis for each write that waits. */
  readonly queued: Array<{ readonly valueBytes: number; readonly bytes: number }>
}

export interface Complexity {
  readonly processes: ReadonlyArray<string>
  readonly stores: ReadonlyArray<string>
  readonly files: number
  /** Without comments and blank lines. */
  readonly lines: number
}

export interface Results {
  readonly format: typeof FORMAT
  readonly date: string
  readonly commit: string
  readonly command: string
  readonly machine: Machine
  readonly runtime: string
  readonly versions: Readonly<Record<string, string>>
  readonly stores: { readonly postgres: string; readonly redis: string }
  readonly settings: {
    readonly connections: ReadonlyArray<number>
    readonly duration: number
    readonly rounds: number
    readonly valueBytes: number
    /** Where the loads went; earlier files do not say. */
    readonly table?: string
  }
  readonly roundTrip: Readonly<Record<Distance, number>>
  readonly complexity: { readonly sync: Complexity; readonly async: Complexity }
  /** One row upserted, awaited, without HTTP: a time for each. */
  readonly upserts: number[]
  readonly loads: LoadRound[]
  /** Left out in earlier files. */
  readonly steady?: SteadyRound[]
  readonly visibility: VisibilityRound[]
  readonly outage: OutageRound[]
  readonly drain: DrainRound[]
  readonly durability: DurabilityRound[]
  readonly growth: GrowthRound[]
  /** Bytes of Redis for each write that waits. */
  readonly bytesPerWrite: number[]
  /** Left out in earlier files. */
  readonly scale?: Scale
}

/** @throws when the file is not one that this version writes. */
export const readResults = async (file: string | URL): Promise<Results> => {
  const results = JSON.parse(await readFile(file, "utf8")) as Results
  if (results.format !== FORMAT)
    throw new Error(`${file} is not a results file of format ${FORMAT}`)
  return results
}

/** Digits that mean nothing make files three times as large. */
export const rounded = (number: number, digits = 3): number => Number(number.toFixed(digits))
