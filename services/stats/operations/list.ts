/**
 * The list of dead letters, read from the oldest on. There may be hundreds of thousands, so it is read a
 * page at a time, and a step ends after two seconds and says where the next begins.
 */

import { PAGE_MAX } from "../../../shared/operations.ts"
import type { Queue } from "../../../shared/queue/queue.ts"
import { decodeLetter, type Letter, markOf } from "./letter.ts"
import { STEP_MILLIS, writesAtOnce } from "./limits.ts"

/** `dealt` letters of a page are done with, of which `gone` left the list; fewer than all end the step. */
export interface Visited {
  readonly dealt: number
  readonly gone: number
}

export const makeList = (queue: Queue, valueMaxBytes: number) => {
  const atOnce = writesAtOnce(valueMaxBytes, PAGE_MAX)

  return {
    /** The most letters that are read at once. */
    atOnce,

    /** Which is the newest of those that stand (null when none does), and how many there are at least. */
    standing: async () => {
      const { total, newest } = await queue.newestLetter()
      return { total, newest: newest === null ? null : markOf(decodeLetter(newest)) }
    },

    /**
     * How many stand up to this one, from the oldest; null when it is gone. Places are counted from the oldest
     * end, where letters that come meanwhile change nothing.
     */
    countTo: async (mark: string): Promise<number | null> => {
      const { total } = await queue.newestLetter()
      for (let left = total; left > 0; left -= atOnce) {
        const after = Math.max(0, left - atOnce)
        const texts = await queue.letters(after, left - after)
        const index = texts.findIndex((text) => markOf(decodeLetter(text)) === mark)
        if (index >= 0) return after + index + 1
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
        const texts = await queue.letters(at, most)
        if (texts.length === 0) return null
        const { dealt, gone } = await visit(texts.map(decodeLetter))
        at += dealt - gone
        until -= gone
        if (dealt < texts.length) break
      }
      return at < until ? at : null
    },
  }
}
