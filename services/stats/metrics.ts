/**
 * The queue for Prometheus: every figure from one atomic snapshot, so that they add up in each scrape.
 * Without an answer of Redis there are no figures at all: yesterday's depth would look like today's.
 * Of several shards those that answer have their own figures, and the whole has none.
 */
import { Metric } from "effect"
import type { ShardStats, Stats } from "../../shared/contract.ts"
import { makeRegistry, type Registry } from "../../shared/http/metrics.ts"
import type { Count } from "./count.ts"
import { partOf } from "./lists.ts"

const gauge = (name: string, description: string) =>
  Metric.gauge(`write_buffer_${name}`, { description })

const counter = (name: string, description: string) =>
  Metric.counter(`write_buffer_${name}_total`, { description })

type Unnamed = "processing_rate" | "since" | "paused" | "held" | "parked" | "shards"
type Figures = Exclude<keyof Stats, Unnamed>

/** Named by Prometheus' conventions; a rate is for it to work out. */
const FIGURES: Readonly<Record<Figures, ReturnType<typeof gauge | typeof counter>>> = {
  queue_depth: gauge("queue_depth", "Writes that wait."),
  in_flight: gauge("in_flight_writes", "Writes that workers have claimed."),
  oldest_age_seconds: gauge("oldest_age_seconds", "Age of the oldest write not processed yet."),
  workers: gauge("workers", "Workers that are alive."),
  dead_letters: gauge("dead_letters", "Writes that were buried and are still there."),
  writes_queued: counter("writes_queued", "Writes that were accepted."),
  writes_processed: counter("writes_processed", "Writes that were applied or superseded."),
  // No counter, because a replay takes a write out again.
  writes_failed: gauge("failed_writes", "Writes that were buried or purged and not replayed."),
  writes_coalesced: counter("writes_coalesced", "Writes that a newer one of their batch replaced."),
  writes_discarded: counter("writes_discarded", "Dead letters that an operator discarded."),
  writes_purged: counter("writes_purged", "Waiting writes that an operator purged."),
  redelivered: counter("writes_redelivered", "Writes of silent workers that went back."),
}

const held = gauge("held", "Whether live workers hold writes because of the database or a table.")
const paused = gauge("paused", "Whether an operator stopped all workers from claiming.")
const redisUp = gauge("redis_up", "Whether Redis answers.")
const postgresUp = gauge("postgres_up", "Whether PostgreSQL answers.")

const windows = (reason: string) =>
  Metric.counter("write_buffer_windows_total", {
    description: "Batches by why their windows closed.",
    attributes: { reason },
  })

/** Of tables and columns alone, and of so many as the count names. */
const parked = (lot: string) =>
  Metric.gauge("write_buffer_parked_writes", {
    description: "Writes that wait set aside, by the table or table.column that they wait for.",
    attributes: { lot },
  })

const ofShard = (name: string, description: string) => (shard: string) =>
  Metric.gauge(`write_buffer_shard_${name}`, { description, attributes: { shard } })

/** Only where there are several lists, and under names of their own: a sum over shards is not the queue's. */
const shardUp = ofShard("up", "Whether the Redis of this shard answers.")
const SHARD_FIGURES = {
  queue_depth: ofShard("queue_depth", "Writes that wait in this shard."),
  in_flight: ofShard("in_flight_writes", "Writes that workers have claimed from this shard."),
  oldest_age_seconds: ofShard("oldest_age_seconds", "Age of the oldest write of this shard."),
  workers: ofShard("workers", "Workers that are alive, as this shard knows."),
}

const addShards = (registry: Registry, shards: ReadonlyArray<ShardStats>) => {
  for (const found of shards) {
    shardUp(found.shard).updateUnsafe(1, registry)
    for (const [name, metric] of Object.entries(SHARD_FIGURES)) {
      const figure = found[name as keyof typeof SHARD_FIGURES]
      metric(found.shard).updateUnsafe(figure, registry)
    }
  }
}

const addCount = (registry: Registry, { stats, windows: closed }: Count) => {
  for (const [name, metric] of Object.entries(FIGURES)) {
    metric.updateUnsafe(stats[name as Figures], registry)
  }
  for (const [reason, batches] of Object.entries(closed)) {
    windows(reason).updateUnsafe(batches, registry)
  }
  for (const [lot, writes] of Object.entries(stats.parked)) {
    parked(lot).updateUnsafe(writes, registry)
  }
  held.updateUnsafe(stats.held.length > 0 ? 1 : 0, registry)
  paused.updateUnsafe(stats.paused ? 1 : 0, registry)
  addShards(registry, stats.shards ?? [])
}

/** For a scrape: `ask` rejects when Redis does not answer, `databaseTrouble` never does. */
export const makeFigures =
  (ask: () => Promise<Count>, databaseTrouble: () => Promise<string | null>) =>
  async (): Promise<Registry> => {
    const [{ count, part }, trouble] = await Promise.all([
      ask().then(
        (count) => ({ count, part: partOf(null) }),
        (error) => ({ count: null, part: partOf(error) }),
      ),
      databaseTrouble(),
    ])
    const registry = makeRegistry()
    redisUp.updateUnsafe(count || part.answered.length > 0 ? 1 : 0, registry)
    postgresUp.updateUnsafe(trouble === null ? 1 : 0, registry)
    if (count) addCount(registry, count)
    addShards(registry, part.answered)
    for (const { shard } of part.away) shardUp(shard).updateUnsafe(0, registry)
    return registry
  }
