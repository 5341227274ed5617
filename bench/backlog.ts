/** A queue during a run: how much waits in it, waiting until nothing does, filling and emptying it. */
import { setTimeout as sleep } from "node:timers/promises"
import { encodeWrite } from "../shared/item.ts"
import { openQueue } from "../shared/queue/queue.ts"
import type { Connection } from "../shared/redis/redis.ts"
import { type Marked, VALUE_BYTES } from "./mark.ts"

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

export const look = async (redis: Connection, queue: string): Promise<Waiting> => {
  const { depth, inFlight, oldestAt } = await openQueue(redis, queue).snapshot({})
  return { writes: depth + inFlight, oldestAt: oldestAt && oldestAt / 1_000 }
}

/** Resolves when the queue is empty, and nothing is claimed. @throws when it is not in time. */
export const drained = async (
  redis: Connection,
  queue: string,
  limitMillis: number,
): Promise<void> => {
  const deadline = performance.now() + limitMillis
  while ((await look(redis, queue)).writes > 0) {
    if (performance.now() > deadline) throw new Error(`${queue} is not empty in ${limitMillis} ms`)
    await sleep(POLL_MILLIS)
  }
}

/** A write of a backlog, which may be of several tables in turn: whose it is, and its mark. */
export const writeOf = (tables: ReadonlyArray<Marked>, number: number) => {
  const marked = tables[number % tables.length] as Marked
  return { marked, mark: marked.mark("row", 0, number) }
}

/**
 * Redis writes its AOF anew when it is switched on and when it has doubled, in another process; that is
 * not what is measured.
 */
export const untilRewritten = async (redis: Connection): Promise<void> => {
  while (/aof_rewrite_(in_progress|scheduled):1/.test(await redis.info("persistence"))) {
    await sleep(POLL_MILLIS)
  }
}

/** Puts writes into a queue, as ingest would. */
export const fill = async (
  redis: Connection,
  queue: string,
  tables: ReadonlyArray<Marked>,
  writes: number,
  valueBytes = VALUE_BYTES,
) => {
  const { enqueue } = openQueue(redis, queue)
  for (let from = 0; from < writes; from += CALL_WRITES) {
    const items = Array.from({ length: Math.min(CALL_WRITES, writes - from) }, (_, index) => {
      const { marked, mark } = writeOf(tables, from + index)
      return encodeWrite(marked.write(mark, valueBytes))
    })
    await enqueue({ most: MAX_DEPTH, isFirst: false, writes: items })
  }
}

/** What Redis holds in memory, buffers included. */
export const usedBytes = async (redis: Connection): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1])

/** Forgets what waits in a queue that no worker serves. */
export const empty = async (redis: Connection, queue: string): Promise<void> => {
  await redis.unlink(openQueue(redis, queue).keys.waiting)
}

/** Forgets all there is of a queue. */
export const remove = async (redis: Connection, queue: string): Promise<void> => {
  const { waiting, layout, leases, workers, counters, dead, holds } = openQueue(redis, queue).keys
  await redis.unlink(waiting, layout, leases, workers, counters, dead, holds)
}
