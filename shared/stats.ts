/** The figures of the queue, as GET /stats answers them. */
import { Schema } from "effect"

/** Of one list of several. */
export const ShardStats = Schema.Struct({
  /** Its number; of the queue's own list, onto which others push, the name. */
  shard: Schema.String,
  /** Whether ingest writes to it; what others hold was there before, or was pushed. */
  current: Schema.Boolean,
  queue_depth: Schema.Int,
  in_flight: Schema.Int,
  oldest_age_seconds: Schema.Finite,
  workers: Schema.Int,
  processing_rate: Schema.Finite,
})

export const Stats = Schema.Struct({
  queue_depth: Schema.Int,
  writes_queued: Schema.Int,
  writes_processed: Schema.Int,
  writes_failed: Schema.Int,
  /** Writes per second over the last 10 s. */
  processing_rate: Schema.Finite,
  in_flight: Schema.Int,
  writes_coalesced: Schema.Int,
  /** Dead letters that an operator discarded; like the next they are among the failed. */
  writes_discarded: Schema.Int,
  /** Waiting writes that an operator purged. */
  writes_purged: Schema.Int,
  redelivered: Schema.Int,
  /** Of the oldest write not processed yet; 0 when there is none, so that a monitor can compare it. */
  oldest_age_seconds: Schema.Finite,
  workers: Schema.Int,
  /** An operator stopped claiming, on every worker. */
  paused: Schema.Boolean,
  /** Why live workers hold writes: of the database, or of a table, which is named in front: `events: `. */
  held: Schema.Array(Schema.String),
  /** How many of those that wait are set aside, by the table or `table.column` that they wait for. */
  parked: Schema.Record(Schema.String, Schema.Int),
  dead_letters: Schema.Int,
  /** Since when the counts run; null before the first write. */
  since: Schema.NullOr(Schema.String),
  /** Each list by itself, where there is more than one; all else is over all of them. */
  shards: Schema.optionalKey(Schema.Array(ShardStats)),
})

export type Stats = typeof Stats.Type
export type ShardStats = typeof ShardStats.Type
