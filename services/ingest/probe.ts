/** Whether a write would be queued now. */
import type { Readiness } from "../../shared/contract.ts"
import type { Shard, Shards } from "../../shared/queue/open-shards.ts"
import { isRefusal, redisErrorReason } from "../../shared/redis/redis.ts"
import { failure } from "./outcome.ts"
import { reasonOfError, TooFewReplicas, untilReplicated } from "./replicas.ts"
import { depthLimit, type Limits, ofShard } from "./sender.ts"

const FULL = "queue-full"

type ProbeLimits = Pick<Limits, "maxDepth" | "replicas">

/** Why a shard takes no write; null when it does. `isUp`: its Redis answered. */
interface State {
  readonly reason: string | null
  readonly isUp: boolean
}

/**
 * Asks for what a write needs: the enqueue script, without a write. Redis refuses it as it would refuse
 * one, also where PING is answered: a replica, another node of a cluster, a log that cannot be written.
 */
const ask = async (
  one: Shard,
  shard: number,
  shards: number,
  { maxDepth, replicas = 0 }: ProbeLimits,
): Promise<State> => {
  const { queue, redis } = one
  const most = depthLimit(maxDepth, shards)
  try {
    const enqueue = () => queue.enqueue({ most, isFirst: false, shards, shard, writes: [] })
    const { depth } = await (replicas === 0 ? enqueue() : untilReplicated(one, replicas, enqueue))
    return { reason: depth < most ? null : FULL, isUp: true }
  } catch (error) {
    const isFull = failure(error).refused === FULL
    return {
      reason: isFull ? FULL : reasonOfError(error, redis.link),
      isUp: isRefusal(error) || error instanceof TooFewReplicas,
    }
  }
}

/** Which of them it is, or how many. */
const reasonOf = (states: ReadonlyArray<State>): string => {
  const numbers = [...states.keys()].filter((number) => states[number]?.reason !== null)
  const why = [...new Set(numbers.map((number) => states[number]?.reason))].join(", ")
  const [first = 0, ...others] = numbers
  return others.length === 0
    ? ofShard(first, states.length, why)
    : `${numbers.length} of ${states.length} shards: ${why}`
}

const readinessOf = (states: ReadonlyArray<State>): Readiness => {
  const redis = states.some(({ isUp }) => isUp) ? "up" : "down"
  if (states.every(({ reason }) => reason === null)) return { status: "healthy", redis }
  // A full shard takes writes again when some have left it.
  const isUsable = states.some(({ reason }) => reason === null || reason === FULL)
  const isFull = states.every(({ reason }) => reason === FULL)
  const status = isUsable ? "degraded" : "unhealthy"
  return { status, redis, reason: isFull ? FULL : reasonOf(states) }
}

/** Of all shards at once; never rejects. */
export const makeProbe =
  (shards: Pick<Shards, "current" | "home" | "refresh">, limits: ProbeLimits) =>
  async (): Promise<Readiness> => {
    try {
      if (shards.current().length === 0) await shards.refresh()
    } catch (error) {
      const reason = redisErrorReason(error, shards.home.redis.link)
      return readinessOf([{ reason, isUp: isRefusal(error) }])
    }
    const current = shards.current()
    return readinessOf(
      await Promise.all(current.map((shard, number) => ask(shard, number, current.length, limits))),
    )
  }
