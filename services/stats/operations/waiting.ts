/**
 * Writes that wait: shown, purged, kept from the workers by a pause, given to another database. Each step is
 * atomic and counted in Redis. Rejects when Redis does not answer; what was done until then stays done.
 */
import { showItem } from "../../../shared/item.ts"
import { PAGE_MAX } from "../../../shared/operations.ts"
import type { Queue } from "../../../shared/queue/queue.ts"
import { toParked } from "../parked.ts"
import { STEP_MILLIS, writesAtOnce } from "./limits.ts"

/** Purging pops once from the list, and once from each lot: a thousand small writes block Redis for some 50 ms at most. */
const PURGE_MAX_WRITES = 1_000

/** The oldest writes to throw away, and the newest version that may be among them. */
export interface Purge {
  readonly writes: number
  readonly newest: number
}

/** The oldest writes of each lot, `most` in all. Each has its share; what small ones leave, large ones have. */
const peekLots = async (queue: Queue, parked: Readonly<Record<string, number>>, most: number) => {
  const lots = Object.entries(parked).sort(([, one], [, other]) => one - other)
  const found = []
  for (const [at, [lot]] of lots.entries()) {
    const share = Math.ceil((most - found.length) / (lots.length - at))
    if (share === 0) break
    const items = await queue.peekLot(lot, share)
    found.push(...items.map((text) => ({ ...showItem(text), parked: lot })))
  }
  return found
}

export const makeWaiting = (queue: Queue, valueMaxBytes: number) => {
  const shownAtOnce = writesAtOnce(valueMaxBytes, PAGE_MAX)
  const purgedAtOnce = writesAtOnce(valueMaxBytes, PURGE_MAX_WRITES)

  return {
    /**
     * The oldest writes that wait, fewer when values may be large, and after them, as a purge takes them, those
     * that are parked: how many in which lot, and the oldest of each. They stay where they are. However many
     * others wait, half of what is shown is for parked ones: it is they that somebody looks for.
     */
    peek: async (limit: number) => {
      const most = Math.min(limit, shownAtOnce)
      const parked = toParked((await queue.snapshot({})).parked)
      const apartMost = Object.values(parked).reduce((sum, writes) => sum + writes, 0)
      const items = await queue.peek(most - Math.min(apartMost, Math.floor(most / 2)))
      const apart = await peekLots(queue, parked, most - items.length)
      return { queue: [...items.map(showItem), ...apart], parked }
    },
    /** What waits, and the newest version that was issued when it did. */
    seen: (): Promise<Purge> => queue.waiting(),
    /**
     * Throws away the oldest writes, never more than so many: what was there then and waits still, and what
     * somebody pushed. `next` is what is left to do when the time was not enough.
     */
    purge: async ({ writes, newest }: Purge) => {
      const began = performance.now()
      let purged = 0
      while (purged < writes) {
        if (performance.now() - began > STEP_MILLIS) {
          return { purged, next: { writes: writes - purged, newest } }
        }
        const most = Math.min(purgedAtOnce, writes - purged)
        const gone = await queue.purge({ most, newest })
        if (gone === 0) break
        purged += gone
      }
      return { purged, next: null }
    },
    /** Gives the queue to the database of this identity. Workers of another one hold from then on. */
    adopt: (database: string) => queue.own({ database }),
    pause: () => queue.pause({ isPaused: true }),
    resume: () => queue.pause({ isPaused: false }),
  }
}

export type Waiting = ReturnType<typeof makeWaiting>
