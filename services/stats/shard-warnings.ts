/** What is not well in one shard of several, in words: that it is full, not served, or does not answer. */
import type { Stats } from "../../shared/contract.ts"
import { type Away, named } from "./lists.ts"

/** Lines for shards that do not answer; a page of them is no easier to read. */
const LINES_MAX = 10

const whole = new Intl.NumberFormat("en")

const shardsOf = (found: NonNullable<Stats["shards"]>) =>
  `${found.length === 1 ? "shard" : "shards"} ${named(found.map(({ shard }) => shard))}`

/** Ingest takes a share of the most that may wait for each shard, so that one may be full while others are not. */
const fullWarnings = (shards: NonNullable<Stats["shards"]>, maxDepth: number) => {
  const current = shards.filter((one) => one.current)
  const share = Math.max(1, Math.floor(maxDepth / current.length))
  const full = current.filter((one) => one.queue_depth >= share)
  return full.length === 0
    ? []
    : [`Full: ${shardsOf(full)}. Writes of their keys are refused with 503.`]
}

/** Without a worker on any shard, the health says so by itself. */
const unservedWarnings = (shards: NonNullable<Stats["shards"]>) => {
  const unserved = shards.filter((one) => one.workers === 0 && one.queue_depth > 0)
  const waiting = unserved.reduce((sum, one) => sum + one.queue_depth, 0)
  if (unserved.length === 0) return []
  const writes = waiting === 1 ? "1 write waits" : `${whole.format(waiting)} writes wait`
  return [`No worker serves ${shardsOf(unserved)}: ${writes} there.`]
}

export const shardWarnings = (
  { shards = [], workers }: Stats,
  maxDepth: number,
): ReadonlyArray<string> => [
  ...fullWarnings(shards, maxDepth),
  ...(workers > 0 ? unservedWarnings(shards) : []),
]

/** ` of shard 3`: where the oldest write waits; nothing when there is one list. */
export const whereOldest = ({ shards = [] }: Stats): string => {
  const [oldest] = shards.toSorted((a, b) => b.oldest_age_seconds - a.oldest_age_seconds)
  return oldest ? ` of shard ${oldest.shard}` : ""
}

/** A line for each, and what it means for writes. */
export const awayWarnings = (away: ReadonlyArray<Away>): ReadonlyArray<string> => {
  const rest = away.length - LINES_MAX
  return [
    ...away.slice(0, LINES_MAX).map(({ reason }) => `${reason}.`),
    ...(rest > 0 ? [`${whole.format(rest)} more do not answer.`] : []),
    ...(away.some(({ isCurrent }) => isCurrent)
      ? ["Writes of their keys are refused; others go on."]
      : []),
  ]
}
