/**
 * put: hands a write to the queue in Redis. All writes of one event-loop turn go in one script call
 * (group commit), so that a queued write costs hardly more than an empty POST. A write is sent at most
 * once, and its outcome says whether it was queued. What waits here for a reply is bounded.
 */
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import type { Readiness } from "../../shared/contract.ts"
import { encodeWrite } from "../../shared/item.ts"
import type { Queue } from "../../shared/queue/queue.ts"
import { isRefusal, type Link, redisErrorReason } from "../../shared/redis/redis.ts"
import type { Write } from "../../shared/write.ts"
import { failure, type Outcome, outcomesOf, unavailable } from "./outcome.ts"

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

/** What a client asks for beside the write. */
export interface Request {
  /** It waits for the commit. */
  readonly isAwaited: boolean
  /** Its idempotency key. */
  readonly key: string | null
  /** What may not be another for the same key; left out: the write itself. */
  readonly payload?: string
}

/** Never rejects. */
export type Put = (write: Write, request?: Request) => Promise<Outcome>

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

const digest = (text: string) => createHash("sha256").update(text).digest("hex")

class Group {
  readonly items: string[] = []
  /** What the script is told of some of the items; each counts from 1. */
  awaited = ""
  once = ""
  readonly settle: Array<(outcome: Outcome) => void> = []
  bytes = 0

  /** Of the last item. */
  ask(item: string, { isAwaited, key, payload = `${key}\n${item}` }: Request) {
    const place = this.items.length
    if (isAwaited) this.awaited += `${place} `
    if (key !== null) this.once += `${place} ${digest(key)} ${digest(payload)} `
  }
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
  { maxDepth, onceSeconds }: { readonly maxDepth: number; readonly onceSeconds: number },
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
      const { awaited, once, items: writes } = group
      const reply = await enqueue({ most: maxDepth, isFirst, awaited, once, onceSeconds, writes })
      if (reply.taken > 0) done()
      const outcomes = outcomesOf(reply, writes.length)
      settle(group, (index) => outcomes[index] ?? unavailable)
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

  return (write, request) =>
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
      if (request) open.ask(item, request)
      open.settle.push(resolve)
      open.bytes += size
      writes += 1
      bytes += size
    })
}
