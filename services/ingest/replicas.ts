/**
 * REDIS_REPLICAS: a write counts as queued when so many replicas have it, so that a failover to one of them
 * loses none that was accepted.
 */
import type { Shard } from "../../shared/queue/open-shards.ts"
import { reconnect } from "../../shared/redis/redis.ts"

/**
 * The next group on the connection is executed after this, and has its reply within the deadline of a command all
 * the same. A replica acknowledges in a millisecond.
 */
export const REPLICAS_MILLIS = 500

/** The group is in one Redis, and perhaps in no other. */
export class TooFewReplicas extends Error {
  override readonly name = "TooFewReplicas"
  constructor() {
    super("too few replicas")
  }
}

/**
 * Resolves to the reply of `enqueue` once so many replicas have what it wrote and, `withEarlier`, all that was
 * written before by anybody. Rejects as `enqueue` does, or with TooFewReplicas: then the connection is made
 * anew, because it may be one with a master that was replaced.
 */
export const untilReplicated = async <Reply>(
  { redis, queue }: Shard,
  replicas: number,
  withEarlier: boolean,
  enqueue: () => Promise<Reply>,
): Promise<Reply> => {
  const { connections } = redis.link
  let isAhead = false
  const queued = enqueue()
  const confirmed = queue.replicated(replicas, REPLICAS_MILLIS, withEarlier).then(
    (count) => {
      // In the same turn as the reply before it, unless that was sent again because Redis had forgotten
      // the script: then WAIT came first, and says nothing of it.
      setImmediate(() => {
        isAhead = true
      })
      return count
    },
    () => 0,
  )
  const reply = await queued
  if (!isAhead && (await confirmed) >= replicas) return reply
  if (redis.link.connections === connections) reconnect(redis)
  throw new TooFewReplicas()
}
