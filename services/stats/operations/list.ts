/**
 * The list of dead letters, read from the oldest on. There may be hundreds of thousands, so it is read a
 * page at a time, and a step ends after two seconds and says where the next begins.
 */
import { type QueueConnection, queueKeys } from "../../../shared/queue.ts"
import { decodeLetter, type Letter, markOf } from "./letter.ts"
import { PAGE_MAX, STEP_MILLIS, writesAtOnce } from "./limits.ts"

/** `dealt` letters of a page are done with, of which `gone` left the list; fewer than all end the step. */
export interface Visited {
  readonly dealt: number
  readonly gone: number
}

export const makeList = (redis: QueueConnection, queueName: string, valueMaxBytes: number) => {
  const { dead } = queueKeys(queueName)
  const atOnce = writesAtOnce(valueMaxBytes, PAGE_MAX)

  return {
    /** The most letters that are read at once. */
    atOnce,

    /** Which is the newest of those that stand (null when none does), and how many there are at least. */
    standing: async () => {
      const newest = await redis.lindex(dead, 0)
      const total = await redis.llen(dead)
      return { total, newest: newest === null ? null : markOf(decodeLetter(newest)) }
    },

    /**
     * How many stand up to this one, from the oldest; null when it is gone. Places are counted from the oldest
     * end, where letters that come meanwhile change nothing.
     */
    countTo: async (mark: string): Promise<number | null> => {
      for (let left = await redis.llen(dead); left > 0; left -= atOnce) {
        const texts = await redis.lrange(dead, -left, -Math.max(1, left - atOnce + 1))
        const index = texts.findIndex((text) => markOf(decodeLetter(text)) === mark)
        if (index >= 0) return left - index
      }
      return null
    },

    /** Visits the oldest `end` letters but the first `after`. Returns where to go on; null at the end. */
    step: async (
      after: number,
      end: number,
      visit: (letters: Letter[]) => Visited | Promise<Visited>,
    ): Promise<number | null> => {
      const began = performance.now()
      let at = after
      let until = end
      while (at < until && performance.now() - began < STEP_MILLIS) {
        const most = Math.min(atOnce, until - at)
        const texts = await redis.lrange(dead, -(at + most), -(at + 1))
        if (texts.length === 0) return null
        const { dealt, gone } = await visit(texts.reverse().map(decodeLetter))
        at += dealt - gone
        until -= gone
        if (dealt < texts.length) break
      }
      return at < until ? at : null
    },
  }
}
