/**
 * REDIS_REPLICAS: a write counts as queued when so many replicas have it, so that a failover to one of them
 * loses none that was accepted.
 */
import type { Shard } from "../../shared/queue/open-shards.ts"
import { type Link, reconnect, redisErrorReason } from "../../shared/redis/redis.ts"

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

/** A short reason for a log line, or for who asks. */
export const reasonOfError = (error: unknown, link: Link): string =>
  error instanceof TooFewReplicas ? error.message : redisErrorReason(error, link)

/**
 * Resolves to the reply of `enqueue` once so many replicas have all that Redis had then: also the write that one of
 * the group repeats. Rejects as `enqueue` does, or with TooFewReplicas: then the connection is made anew,
 * because it may be one with a master that was replaced.
 */
export const untilReplicated = async <Reply>(
  { redis, queue }: Shard,
  replicas: number,
  enqueue: () => Promise<Reply>,
): Promise<Reply> => {
  const { connections } = redis.link
  const queued = enqueue()
  let isEarly = false
  const ask = () =>
    queue.replicated(replicas, REPLICAS_MILLIS).then(
      (count) => {
        isEarly = true
        return count
      },
      () => 0,
    )
  const asked = ask()
  const reply = await queued
  // Replies are in the order of the calls. Where this one was there as early, the script may have been sent
  // again, because Redis had forgotten it: after the question, whose answer then says nothing of it.
  if ((await (isEarly ? ask() : asked)) >= replicas) return reply
  if (redis.link.connections === connections) reconnect(redis)
  throw new TooFewReplicas()
}
