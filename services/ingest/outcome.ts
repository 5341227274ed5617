/** What became of a write that was handed to the queue, as its client is told. */
import { DRAINED_SECONDS, type Repeated } from "../../shared/queue/enqueue.ts"
import type { Queue } from "../../shared/queue/queue.ts"
import { isRefusal, isUnknownOutcome } from "../../shared/redis/redis.ts"

const RETRY_MAX_SECONDS = 60
const RETRY_UNAVAILABLE_SECONDS = 1

/** Redis is out of memory before it can say how fast it drains. */
const RETRY_OUT_OF_MEMORY_SECONDS = 10

/** Whom to ask what became of a write. */
export type Outcomes = Pick<Queue, "outcomes">

/** Queued; `depth` is the queue's after the call that the write was part of. */
export interface Queued {
  readonly version: number
  readonly depth: number
  /** The shard that has it; only of a write whose client waits. */
  readonly queue?: Outcomes
  /** The write was queued before: its idempotency key and its payload are known. */
  readonly isRepeated?: true
}

/** Its idempotency key is that of a write with another payload. */
const CONFLICT = { refused: "idempotency-conflict" } as const

export type Outcome = Queued | Refusal | typeof CONFLICT

/** Only `outcome-unknown` may have been queued. */
export interface Refusal {
  readonly refused: "queue-full" | "queue-unavailable" | "outcome-unknown"
  readonly retryAfterSeconds: number
}

export const isQueued = (outcome: Outcome): outcome is Queued => "version" in outcome

export const unavailable: Refusal = {
  refused: "queue-unavailable",
  retryAfterSeconds: RETRY_UNAVAILABLE_SECONDS,
}

/** When a tenth of the queue will be gone, at the rate of the last seconds. */
const full = (depth: number, drained: number): Refusal => {
  const seconds = Math.ceil(depth / 10 / (drained / DRAINED_SECONDS))
  return {
    refused: "queue-full",
    retryAfterSeconds: Math.max(1, Math.min(RETRY_MAX_SECONDS, seconds)),
  }
}

/** The shards are others than the sender believes. Nothing was queued. */
export const isMoved = (error: unknown): boolean =>
  isRefusal(error) && error.message.startsWith("LAYOUT")

export const failure = (error: unknown): Refusal => {
  if (isRefusal(error) && error.message.startsWith("OOM")) {
    return { refused: "queue-full", retryAfterSeconds: RETRY_OUT_OF_MEMORY_SECONDS }
  }
  return isUnknownOutcome(error) ? { ...unavailable, refused: "outcome-unknown" } : unavailable
}

/** Of a call's reply: what each of its writes is told, in their order; `elsewhere` is the depth of the other shards. */
export const outcomesOf = (
  reply: Awaited<ReturnType<Queue["enqueue"]>>,
  writes: number,
  elsewhere: number,
): ReadonlyArray<Outcome> => {
  const { depth, first, step, taken, drained, repeated } = reply
  const refusal = full(depth, drained)
  const total = depth + elsewhere
  const outcomes: Outcome[] = []
  let position = 0
  for (let place = 0; place < writes; place += 1) {
    const before = repeated.get(place)
    if (before !== undefined) outcomes.push(repeat(before, outcomes, elsewhere))
    else {
      outcomes.push(position < taken ? { version: first + position * step, depth: total } : refusal)
      position += 1
    }
  }
  return outcomes
}

/** What a write is told whose idempotency key is known. */
const repeat = (before: Repeated, outcomes: ReadonlyArray<Outcome>, elsewhere: number): Outcome => {
  if (before === null) return CONFLICT
  const first =
    "place" in before
      ? outcomes[before.place]
      : { version: before.version, depth: before.depth + elsewhere }
  return first && "version" in first ? { ...first, isRepeated: true } : (first ?? CONFLICT)
}
