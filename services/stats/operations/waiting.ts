/**
 * Writes that wait: shown, purged, kept from the workers by a pause, given to another database. Each step is atomic and counted
 * in Redis. Rejects when Redis does not answer; what was done until then stays done.
 */
import { Result } from "effect"
import { decodeItem, show } from "../../../shared/item.ts"
import { PAGE_MAX } from "../../../shared/operations.ts"
import type { Queue } from "../../../shared/queue/queue.ts"
import { STEP_MILLIS, writesAtOnce } from "./limits.ts"

/** Purging is one RPOP a call: a thousand small writes block Redis for some 50 ms at most. */
const PURGE_MAX_WRITES = 1_000

/** The oldest writes to throw away, and the newest version that may be among them. */
export interface Purge {
  readonly writes: number
  readonly newest: number
}

export const makeWaiting = (queue: Queue, valueMaxBytes: number) => {
  const shownAtOnce = writesAtOnce(valueMaxBytes, PAGE_MAX)
  const purgedAtOnce = writesAtOnce(valueMaxBytes, PURGE_MAX_WRITES)

  return {
    /** The oldest writes that wait, fewer when values may be large; they stay where they are. */
    peek: async (limit: number) => {
      const items = await queue.peek(Math.min(limit, shownAtOnce))
      return items.map((text) => {
        const item = decodeItem(text)
        return Result.isSuccess(item)
          ? { version: item.success.version, ...show(item.success.write) }
          : { version: item.failure.version || null, unreadable: text }
      })
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
