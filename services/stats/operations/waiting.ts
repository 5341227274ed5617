/**
 * Writes that wait: shown, purged, kept from the workers by a pause, given to another database. Each step is
 * atomic and counted in Redis. Rejects when Redis does not answer; what was done until then stays done.
 */
import { showItem } from "../../../shared/item.ts"
import { PAGE_MAX } from "../../../shared/operations.ts"
import type { Queue } from "../../../shared/queue/queue.ts"
import type { Queues } from "../lists.ts"
import { addLots, toParked } from "../parked.ts"
import { STEP_MILLIS, writesAtOnce } from "./limits.ts"

/** Purging pops once from the list, and once from each lot: a thousand small writes block Redis for some 50 ms at most. */
const PURGE_MAX_WRITES = 1_000

/** The oldest writes to throw away, and the newest version of each list that may be among them. */
export interface Purge {
  readonly writes: number
  readonly newest: ReadonlyArray<number>
}

/** A list, and how much waits in it. */
interface List {
  readonly queue: Queue
  readonly depth: number
  readonly parked: ReadonlyMap<string, number>
}

const byVersion = (texts: ReadonlyArray<string>) => {
  let last = 0
  return texts.map((text) => {
    const write = showItem(text)
    // What has no version yet was pushed after what is before it.
    last = write.version ?? last
    return { write, version: last }
  })
}

/** The oldest writes of all lists, read one list after another: each may have large ones. */
const peekOldest = async (lists: ReadonlyArray<List>, most: number) => {
  const [only, ...others] = lists
  if (only && others.length === 0) return (await only.queue.peek(most)).map(showItem)
  let found: ReturnType<typeof byVersion> = []
  for (const { queue, depth, parked } of lists) {
    if (depth === sumOf(parked.values())) continue
    found = [...found, ...byVersion(await queue.peek(most))]
      .sort((one, other) => one.version - other.version)
      .slice(0, most)
  }
  return found.map(({ write }) => write)
}

/** The oldest writes of each lot, `most` in all. Each has its share; what small ones leave, large ones have. */
const peekLots = async (
  lists: ReadonlyArray<List>,
  parked: Readonly<Record<string, number>>,
  most: number,
) => {
  const lots = Object.entries(parked).sort(([, one], [, other]) => one - other)
  const found = []
  for (const [at, [lot]] of lots.entries()) {
    const share = Math.ceil((most - found.length) / (lots.length - at))
    if (share === 0) break
    let left = share
    for (const { queue } of lists.filter((list) => list.parked.has(lot))) {
      if (left === 0) break
      const items = await queue.peekLot(lot, left)
      found.push(...items.map((text) => ({ ...showItem(text), parked: lot })))
      left -= items.length
    }
  }
  return found
}

const sumOf = (writes: Iterable<number>) => [...writes].reduce((sum, some) => sum + some, 0)

export const makeWaiting = (queues: Queues, valueMaxBytes: number) => {
  const shownAtOnce = writesAtOnce(valueMaxBytes, PAGE_MAX)
  const purgedAtOnce = writesAtOnce(valueMaxBytes, PURGE_MAX_WRITES)

  const onEach = async (call: (queue: Queue) => Promise<unknown>) =>
    void (await Promise.all((await queues()).map(call)))

  return {
    /**
     * The oldest writes that wait, fewer when values may be large, and after them, as a purge takes them, those
     * that are parked: how many in which lot, and the oldest of each. They stay where they are. However many
     * others wait, half of what is shown is for parked ones: it is they that somebody looks for.
     */
    peek: async (limit: number) => {
      const most = Math.min(limit, shownAtOnce)
      const asked = (await queues()).map(async (queue) => ({
        ...(await queue.snapshot({})),
        queue,
      }))
      const lists: ReadonlyArray<List> = await Promise.all(asked)
      const parked = toParked(addLots(lists.map((list) => list.parked)))
      const apartMost = sumOf(Object.values(parked))
      const items = await peekOldest(lists, most - Math.min(apartMost, Math.floor(most / 2)))
      const apart = await peekLots(lists, parked, most - items.length)
      return { queue: [...items, ...apart], parked }
    },
    /** What waits, and the newest version of each list that was issued when it did. */
    seen: async (): Promise<Purge> => {
      const asked = (await queues()).map((queue) => queue.waiting())
      const lists = await Promise.all(asked)
      return {
        writes: sumOf(lists.map(({ writes }) => writes)),
        newest: lists.map(({ newest }) => newest),
      }
    },
    /**
     * Throws away the oldest writes of each list, in proportion to what waits there, never more than so many in
     * all: what was there then and waits still, and what somebody pushed. `next` is what is left to do when the
     * time was not enough. A list that has come since takes no part.
     */
    purge: async ({ writes, newest }: Purge) => {
      const began = performance.now()
      const all = await queues()
      const lists = await Promise.all(all.map((queue) => queue.waiting()))
      const total = sumOf(lists.map((list) => list.writes))
      const shares = lists.map((list) => Math.ceil((writes * list.writes) / Math.max(1, total)))
      let purged = 0
      // Where writes came meanwhile a share was too small: what is left of the others is for these.
      for (const share of [(index: number) => shares[index] ?? 0, () => writes]) {
        for (const [index, queue] of all.entries()) {
          let left = Math.min(share(index), writes - purged)
          while (left > 0) {
            if (performance.now() - began > STEP_MILLIS) {
              return { purged, next: { writes: writes - purged, newest } }
            }
            const most = Math.min(purgedAtOnce, left)
            const gone = await queue.purge({ most, newest: newest[index] ?? 0 })
            if (gone === 0) break
            purged += gone
            left -= gone
          }
        }
      }
      return { purged, next: null }
    },
    /** Gives the queue to the database of this identity. Workers of another one hold from then on. */
    adopt: (database: string) => onEach((queue) => queue.own({ database })),
    pause: () => onEach((queue) => queue.pause({ isPaused: true })),
    resume: () => onEach((queue) => queue.pause({ isPaused: false })),
  }
}

export type Waiting = ReturnType<typeof makeWaiting>
