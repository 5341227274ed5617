/**
 * The dead letters of all lists, of each from the oldest on. There may be hundreds of thousands, so they are
 * read a page at a time, and a step ends after two seconds and says where the next begins.
 */

import { PAGE_MAX } from "../../../shared/operations.ts"
import type { Queue } from "../../../shared/queue/queue.ts"
import type { Queues } from "../lists.ts"
import { decodeLetter, type Letter, markOf } from "./letter.ts"
import { STEP_MILLIS, writesAtOnce } from "./limits.ts"
import { readMarks, writeMarks } from "./marks.ts"

/** A place is that of the list times this, and that in the list: no list has so many letters. */
const LIST_PLACES = 1_000_000_000

/** `dealt` letters of a page are done with, of which `gone` left the list; fewer than all end the step. */
export interface Visited {
  readonly dealt: number
  readonly gone: number
}

/** How many letters of each list take part, the oldest ones. */
type Ends = ReadonlyArray<number>

export const makeList = (queues: Queues, valueMaxBytes: number) => {
  const atOnce = writesAtOnce(valueMaxBytes, PAGE_MAX)

  /** How many stand in a list up to this one, from the oldest; null when it is gone. */
  const countTo = async (queue: Queue, mark: string): Promise<number | null> => {
    const { total } = await queue.newestLetter()
    for (let left = total; left > 0; left -= atOnce) {
      const after = Math.max(0, left - atOnce)
      const texts = await queue.letters(after, left - after)
      const index = texts.findIndex((text) => markOf(decodeLetter(text)) === mark)
      if (index >= 0) return after + index + 1
    }
    return null
  }

  return {
    /** The most letters that are read at once. */
    atOnce,

    /** Which is the newest of those that stand (null when none does), and how many there are at least. */
    standing: async () => {
      const asked = (await queues()).map((queue) => queue.newestLetter())
      const found = await Promise.all(asked)
      const ends: Ends = found.map(({ total }) => total)
      const marks = found.map(({ newest }) =>
        newest === null ? null : markOf(decodeLetter(newest)),
      )
      return { total: ends.reduce((sum, total) => sum + total, 0), newest: writeMarks(marks), ends }
    },

    /**
     * How many of each list stand up to these marks; null when one of them is gone. Places are counted from
     * the oldest end, where letters that come meanwhile change nothing. Lists before that of the place
     * `after` are done with.
     */
    countTo: async (marks: string, after: number): Promise<Ends | null> => {
      const all = await queues()
      const wanted = readMarks(marks, all.length)
      const ends: number[] = []
      for (const [index, queue] of all.entries()) {
        const mark = index < Math.floor(after / LIST_PLACES) ? undefined : wanted.get(index)
        const end = mark === undefined ? 0 : await countTo(queue, mark)
        if (end === null) return null
        ends.push(end)
      }
      return ends
    },

    /** Visits the oldest letters of each list but those before the place `after`. Returns where to go on; null at the end. */
    step: async (
      after: number,
      ends: Ends,
      visit: (letters: Letter[], queue: Queue) => Visited | Promise<Visited>,
    ): Promise<number | null> => {
      const began = performance.now()
      const first = Math.floor(after / LIST_PLACES)
      let isOver = false
      for (const [index, queue] of (await queues()).entries()) {
        if (index < first) continue
        let at = index === first ? after % LIST_PLACES : 0
        let until = ends[index] ?? 0
        while (!isOver && at < until && performance.now() - began < STEP_MILLIS) {
          const texts = await queue.letters(at, Math.min(atOnce, until - at))
          if (texts.length === 0) {
            until = at
            break
          }
          const { dealt, gone } = await visit(texts.map(decodeLetter), queue)
          at += dealt - gone
          until -= gone
          isOver = dealt < texts.length
        }
        if (at < until) return index * LIST_PLACES + at
      }
      return null
    },
  }
}
