/**
 * put: hands a write to the queue in Redis. All writes of one event-loop turn go in one script call
 * (group commit), so that a queued write costs hardly more than an empty POST. A write is sent at most
 * once, and its outcome says whether it was queued. What waits here for a reply is bounded.
 */
import { Buffer } from "node:buffer"
import type { Readiness } from "../../shared/contract.ts"
import { encodeWrite } from "../../shared/item.ts"
import { DRAINED_SECONDS } from "../../shared/queue/enqueue.ts"
import type { Queue } from "../../shared/queue/queue.ts"
import {
  isRefusal,
  isUnknownOutcome,
  type Link,
  redisErrorReason,
} from "../../shared/redis/redis.ts"
import type { Write } from "../../shared/write.ts"

/** One call blocks Redis for a millisecond or so at this size. */
export const CALL_MAX_WRITES = 1_000
export const CALL_MAX_BYTES = 4 * 1024 * 1024

/** So that writes gather while Redis works: with a third call, groups get smaller and nothing faster. */
export const CALLS_MAX = 2

/** Sent and not answered yet. Beyond it Redis does not keep up, and memory would grow without end. */
export const WAITING_MAX_WRITES = 10_000
export const WAITING_MAX_BYTES = 64 * 1024 * 1024

/** A connection may outlive the role of its server, which an operator made a replica and a master again. */
const LOOK_AGAIN_MILLIS = 1_000

const RETRY_MAX_SECONDS = 60
const RETRY_UNAVAILABLE_SECONDS = 1

/** Redis is out of memory before it can say how fast it drains. */
const RETRY_OUT_OF_MEMORY_SECONDS = 10

export type Outcome =
  /** Queued; `depth` is the queue's after the call that the write was part of. */
  { readonly version: number; readonly depth: number } | Refusal

/** Only `outcome-unknown` may have been queued. */
export interface Refusal {
  readonly refused: "queue-full" | "queue-unavailable" | "outcome-unknown"
  readonly retryAfterSeconds: number
}

/** Never rejects. */
export type Put = (write: Write) => Promise<Outcome>

const unavailable: Refusal = {
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

const failure = (error: unknown): Refusal => {
  if (isRefusal(error) && error.message.startsWith("OOM")) {
    return { refused: "queue-full", retryAfterSeconds: RETRY_OUT_OF_MEMORY_SECONDS }
  }
  return isUnknownOutcome(error) ? { ...unavailable, refused: "outcome-unknown" } : unavailable
}

/**
 * Asks for what a write needs: the enqueue script, without a write. Redis refuses it as it would refuse
 * one, also where PING is answered: a replica, another node of a cluster, a log that cannot be written.
 * Never rejects.
 */
export const makeProbe =
  ({ enqueue }: Pick<Queue, "enqueue">, link: Link, maxDepth: number) =>
  async (): Promise<Readiness> => {
    const full = { status: "degraded", redis: "up", reason: "queue-full" } as const
    try {
      const { depth } = await enqueue({ most: maxDepth, isFirst: false, writes: [] })
      return depth < maxDepth ? { status: "healthy", redis: "up" } : full
    } catch (error) {
      if (failure(error).refused === "queue-full") return full
      const reason = redisErrorReason(error, link)
      return { status: "unhealthy", redis: isRefusal(error) ? "up" : "down", reason }
    }
  }

class Group {
  readonly items: string[] = []
  readonly settle: Array<(outcome: Outcome) => void> = []
  bytes = 0
}

/**
 * Whether a call is to look if Redis is still the one that it was (see the script): on a new connection,
 * and once a second; `done` when it has.
 */
const makeLook = (link: Link) => {
  let known = 0
  let lookedAt = 0
  return () => {
    const { connections } = link
    const now = performance.now()
    const isFirst = connections !== known || now - lookedAt > LOOK_AGAIN_MILLIS
    const done = () => {
      if (!isFirst) return
      known = connections
      lookedAt = now
    }
    return { isFirst, done }
  }
}

export const makePut = (
  { enqueue }: Pick<Queue, "enqueue">,
  link: Link,
  maxDepth: number,
  report: (reason: string, writes: number) => void,
): Put => {
  const look = makeLook(link)
  let open: Group | null = null
  let writes = 0
  let bytes = 0
  let calls = 0
  let isDue = false

  /** Answers all of a group, and makes its room free. */
  const settle = (group: Group, outcomeOf: (index: number) => Outcome) => {
    group.settle.forEach((resolve, index) => {
      resolve(outcomeOf(index))
    })
    writes -= group.items.length
    bytes -= group.bytes
  }

  const close = () => {
    const group = open
    open = null
    return group
  }

  const send = async (group: Group) => {
    calls += 1
    const { isFirst, done } = look()
    try {
      const { depth, first, taken, drained } = await enqueue({
        most: maxDepth,
        isFirst,
        writes: group.items,
      })
      if (taken > 0) done()
      const refusal = full(depth, drained)
      settle(group, (index) => (index < taken ? { version: first + index, depth } : refusal))
    } catch (error) {
      const refusal = failure(error)
      settle(group, () => refusal)
      report(redisErrorReason(error, link), group.items.length)
      // What gathered meanwhile would wait as long again for a Redis that does not answer.
      const gathered = refusal.refused === "outcome-unknown" ? close() : null
      if (gathered) settle(gathered, () => unavailable)
    } finally {
      calls -= 1
      if (isDue) setImmediate(flush)
      isDue = false
    }
  }

  const sendOpen = () => {
    const group = close()
    if (group) void send(group)
  }

  /** Now, or when one of the calls that are under way returns. */
  const flush = () => {
    if (calls < CALLS_MAX) sendOpen()
    else isDue = true
  }

  return (write) =>
    new Promise((resolve) => {
      const item = encodeWrite(write)
      const size = Buffer.byteLength(item)
      if (writes === WAITING_MAX_WRITES || bytes + size > WAITING_MAX_BYTES) {
        return resolve(unavailable)
      }
      if (open && (open.items.length === CALL_MAX_WRITES || open.bytes + size > CALL_MAX_BYTES)) {
        sendOpen()
      }
      if (!open) {
        open = new Group()
        // The end of the turn: a call for each request (at the end of its microtasks) costs 36 % more
        // processor time here, and three times as much in Redis.
        setImmediate(flush)
      }
      open.items.push(item)
      open.settle.push(resolve)
      open.bytes += size
      writes += 1
      bytes += size
    })
}
