/** The figures of the whole queue, added up from a snapshot of each of its lists. */
import type { ShardStats, Stats } from "../../shared/contract.ts"
import type { Queue } from "../../shared/queue/queue.ts"
import { addLots, toParked } from "./parked.ts"

export interface Count {
  readonly stats: Stats
  /** Batches by why their windows closed: full, asked for, too old, or quiet. */
  readonly windows: Readonly<Record<(typeof CLOSINGS)[number], number>>
}

const CLOSINGS = ["Full", "Asked", "Elapsed", "Quiet"] as const

export type Snapshot = Awaited<ReturnType<Queue["snapshot"]>>

/** What a list said, and which it is. */
export interface Listed {
  readonly shard: string
  readonly isCurrent: boolean
  readonly snapshot: Snapshot
}

const seconds = (micros: number) => micros / 1_000_000

export const toShardStats = ({ shard, isCurrent, snapshot }: Listed): ShardStats => ({
  shard,
  current: isCurrent,
  queue_depth: snapshot.depth,
  in_flight: snapshot.inFlight,
  oldest_age_seconds: seconds(snapshot.oldestAge),
  workers: snapshot.workers,
  processing_rate: snapshot.rate,
})

export const toCount = (lists: ReadonlyArray<Listed>): Count => {
  const all = lists.map(({ snapshot }) => snapshot)
  const sum = (of: (snapshot: Snapshot) => number) => all.reduce((so, one) => so + of(one), 0)
  const highest = (of: (snapshot: Snapshot) => number) => Math.max(...all.map(of))
  const counter = (name: string) => sum(({ counters }) => Number(counters.get(name) ?? 0))
  const sinces = all.flatMap(({ counters }) => {
    const since = counters.get("since")
    return since === undefined ? [] : [Number(since)]
  })
  const stats = {
    queue_depth: sum(({ depth }) => depth),
    writes_queued: counter("queued"),
    writes_processed: counter("processed"),
    writes_failed: counter("failed"),
    // Tenths, of which a sum would else have more digits.
    processing_rate: Math.round(sum(({ rate }) => rate) * 10) / 10,
    in_flight: sum(({ inFlight }) => inFlight),
    writes_coalesced: counter("coalesced"),
    writes_discarded: counter("discarded"),
    writes_purged: counter("purged"),
    redelivered: counter("redelivered"),
    oldest_age_seconds: seconds(highest(({ oldestAge }) => oldestAge)),
    // Each worker is known to each list, whichever it serves: the sum would count it as often.
    workers: highest(({ workers }) => workers),
    paused: all.some(({ counters }) => counters.has("paused")),
    held: [...new Set(all.flatMap(({ holds }) => holds))],
    parked: toParked(addLots(all.map(({ parked }) => parked))),
    dead_letters: sum(({ deadLetters }) => deadLetters),
    since: sinces.length > 0 ? new Date(Math.min(...sinces) * 1_000).toISOString() : null,
    ...(lists.length > 1 && { shards: lists.map(toShardStats) }),
  }
  const windows = Object.fromEntries(CLOSINGS.map((name) => [name, counter(`window:${name}`)]))
  return { stats, windows: windows as Count["windows"] }
}
