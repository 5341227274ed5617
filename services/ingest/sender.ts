/**
 * Sends the writes of one shard. All of one event-loop turn go in one script call (group commit), so that a
 * queued write costs hardly more than an empty POST. Each is sent at most once, and answered once.
 */
import { traceItem } from "../../shared/item.ts"
import type { Shard } from "../../shared/queue/open-shards.ts"
import type { Link } from "../../shared/redis/redis.ts"
import { Group, type Request } from "./group.ts"
import { failure, isMoved, isQueued, type Outcome, outcomesOf, unavailable } from "./outcome.ts"
import { reasonOfError, untilReplicated } from "./replicas.ts"

/** One call blocks Redis for a millisecond or so at this size. */
export const CALL_MAX_WRITES = 1_000
export const CALL_MAX_BYTES = 4 * 1024 * 1024

/** So that writes gather while Redis works: with a third call, groups get smaller and nothing faster. */
export const CALLS_MAX = 2

/** A connection may outlive the role of its server, which an operator made a replica and a master again. */
const LOOK_AGAIN_MILLIS = 1_000

export interface Limits {
  /** How many writes may wait in the queue. */
  readonly maxDepth: number
  /** How long an idempotency key is remembered. */
  readonly onceSeconds: number
  /** How many replicas have a write before it counts as queued; left out: none. */
  readonly replicas?: number
}

/** What the senders of all shards of a layout have in common. */
export interface Common extends Limits {
  /** What waits here for a reply, of all shards together. */
  readonly room: { writes: number; bytes: number }
  /** The last known depth of each shard. */
  readonly depths: number[]
  readonly report: (reason: string, writes: number) => void
  /** The layout is another one by now. */
  readonly onMoved: () => void
}

/** Takes a write that has its place in the room. */
export type Send = (
  item: string,
  bytes: number,
  request: Request | undefined,
  resolve: (outcome: Outcome) => void,
) => void

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

/** So that all shards together hold no more than one would. */
export const depthLimit = (maxDepth: number, shards: number): number =>
  Math.max(1, Math.floor(maxDepth / shards))

/** Of which shard it is said; a single one goes without saying. */
export const ofShard = (number: number, shards: number, reason: string): string =>
  shards === 1 ? reason : `shard ${number} of ${shards}: ${reason}`

const sum = (depths: ReadonlyArray<number>) => depths.reduce((total, depth) => total + depth, 0)

/** One call of the script, for the shard of this number. Resolves to what each write is told; rejects as it does. */
const makeCall = (shard: Shard, number: number, common: Common) => {
  const { queue, redis } = shard
  const { depths, onceSeconds, replicas = 0 } = common
  const shards = depths.length
  const most = depthLimit(common.maxDepth, shards)
  const look = makeLook(redis.link)
  return async ({ awaited, once, items: writes }: Group): Promise<ReadonlyArray<Outcome>> => {
    const { isFirst, done } = look()
    const call = { most, isFirst, awaited, once, onceSeconds, shards, shard: number, writes }
    const reply = await (replicas === 0
      ? queue.enqueue(call)
      : untilReplicated(shard, replicas, () => queue.enqueue(call)))
    if (reply.taken > 0) done()
    depths[number] = reply.depth
    return outcomesOf(reply, writes.length, sum(depths) - reply.depth)
  }
}

/** The sender of the shard of this number, of so many as there are depths. */
export const makeSend = (shard: Shard, number: number, common: Common): Send => {
  const { queue, redis } = shard
  const { room, depths, report } = common
  const call = makeCall(shard, number, common)
  let open: Group | null = null
  let calls = 0
  let isDue = false
  let part: Request["part"]

  /** Answers all of a group, and makes its room free. */
  const settle = (group: Group, outcomeOf: (index: number) => Outcome) => {
    group.settle.forEach((resolve, index) => {
      resolve(outcomeOf(index))
    })
    room.writes -= group.items.length
    room.bytes -= group.bytes
  }

  const close = () => {
    const group = open
    open = null
    return group
  }

  const send = async (group: Group) => {
    calls += 1
    try {
      const outcomes = await call(group)
      settle(group, (index) => outcomes[index] ?? unavailable)
    } catch (error) {
      const refusal = failure(error)
      settle(group, () => refusal)
      const reason = reasonOfError(error, redis.link)
      report(ofShard(number, depths.length, reason), group.items.length)
      if (isMoved(error)) common.onMoved()
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

  /**
   * Whether the open group is to be sent before this write. A part stays together, or of two writes of a key the
   * first may be refused and the second be queued: repeated, the first would then be the newer one.
   */
  const isFull = (size: number, request: Request | undefined) => {
    const isWithin = part !== undefined && part === request?.part
    part = request?.part
    if (!open || isWithin) return false
    const writes = open.items.length + (part?.length ?? 1)
    return writes > CALL_MAX_WRITES || open.bytes + size > CALL_MAX_BYTES
  }

  return (item, bytes, request, resolve) => {
    if (isFull(bytes, request)) sendOpen()
    if (!open) {
      open = new Group()
      // The end of the turn: a call for each request (at the end of its microtasks) costs 36 % more
      // processor time here, and three times as much in Redis.
      setImmediate(flush)
    }
    // The trace is no part of the payload: the same write may come again in another one.
    open.items.push(request?.trace ? traceItem(item, request.trace) : item)
    open.bytes += bytes
    if (request) open.ask(item, request)
    open.settle.push(
      request?.isAwaited
        ? (outcome) => resolve(isQueued(outcome) ? { ...outcome, queue } : outcome)
        : resolve,
    )
  }
}
