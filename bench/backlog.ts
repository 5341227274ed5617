/** A queue during a run: how much waits in it, waiting until nothing does, filling and emptying it. */
import { setTimeout as sleep } from "node:timers/promises"
import { type QueueConnection, queueKeys } from "../shared/queue.ts"
import { encodeWrite } from "../shared/write.ts"
import { VALUE } from "./load.ts"

const POLL_MILLIS = 10

/** The most that one call of the enqueue script is given by ingest as well. */
const CALL_WRITES = 1_000

/** Far above what any measurement puts there. */
export const MAX_DEPTH = 100_000_000

export interface Waiting {
  /** Not in the table yet: in the list, or claimed by a worker. */
  readonly writes: number
  /** When the oldest of them was accepted, in ms since 1970 by Redis' clock; null when there is none. */
  readonly oldestAt: number | null
}

export const look = async (redis: QueueConnection, queue: string): Promise<Waiting> => {
  const { waiting, leases, workers, counters, dead, holds, batchPrefix } = queueKeys(queue)
  const [, depth, inFlight, , , oldest] = await redis.snapshot(
    ...[waiting, leases, workers, counters, dead, holds, batchPrefix],
  )
  return { writes: depth + inFlight, oldestAt: oldest === 0 ? null : oldest / 1_000 }
}

/** Resolves when the queue is empty, and nothing is claimed. @throws when it is not in time. */
export const drained = async (
  redis: QueueConnection,
  queue: string,
  limitMillis: number,
): Promise<void> => {
  const deadline = performance.now() + limitMillis
  while ((await look(redis, queue)).writes > 0) {
    if (performance.now() > deadline) throw new Error(`${queue} is not empty in ${limitMillis} ms`)
    await sleep(POLL_MILLIS)
  }
}

export const key = (number: number): string => `row:${String(number).padStart(8, "0")}`

/** Puts writes with keys of their own into a queue, as ingest would. */
export const fill = async (redis: QueueConnection, queue: string, writes: number) => {
  const { waiting, counters, workers } = queueKeys(queue)
  for (let from = 0; from < writes; from += CALL_WRITES) {
    const items = Array.from({ length: Math.min(CALL_WRITES, writes - from) }, (_, index) =>
      encodeWrite({ key: key(from + index), value: VALUE }),
    )
    await redis.enqueue(waiting, counters, workers, MAX_DEPTH, 0, ...items)
  }
}

/** Forgets what waits in a queue that no worker serves. */
export const empty = async (redis: QueueConnection, queue: string): Promise<void> => {
  await redis.unlink(queueKeys(queue).waiting)
}

/** Forgets all there is of a queue. */
export const remove = async (redis: QueueConnection, queue: string): Promise<void> => {
  const { waiting, leases, workers, counters, dead, holds } = queueKeys(queue)
  await redis.unlink(waiting, leases, workers, counters, dead, holds)
}
