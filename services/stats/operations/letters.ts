/**
 * What operators do with dead letters: look, count by reason, replay, discard. What came after an operator
 * looked (`until`) takes no part. Rejects when Redis does not answer; what was done until then stays done.
 */
import type { Selection } from "../../../shared/operations.ts"
import type { Queue } from "../../../shared/queue/queue.ts"
import type { Queues } from "../lists.ts"
import { type Filter, inGroups, type Letter, matches } from "./letter.ts"
import { makeList } from "./list.ts"

/** Reasons that an answer names. Those of PostgreSQL are few; those of a foreign push can be many. */
export const REASONS_MAX = 100

/** What a call did; `next` is the selection that goes on, null when nothing is left to do. */
export interface Moved {
  readonly moved: number
  /** Versions asked for, of which no letter was found. */
  readonly missing: ReadonlyArray<number>
  readonly next: Selection | null
}

type List = ReturnType<typeof makeList>
type Use = (queue: Queue, letters: ReadonlyArray<Letter>) => Promise<number>

/** Up to `limit` that match. `next` is the `after` of the next page; null on the last. */
const makePage = (list: List) => async (after: number, limit: number, filter: Filter) => {
  const { total, newest, ends } = await list.standing()
  const dead: Letter["shown"][] = []
  const most = Math.min(limit, list.atOnce)
  const next = await list.step(after, ends, (letters) => {
    let dealt = 0
    for (const letter of letters) {
      if (dead.length === most) break
      if (matches(letter, filter)) dead.push(letter.shown)
      dealt += 1
    }
    return { dealt, gone: 0 }
  })
  return { dead, total, newest, next }
}

/** How many died for each reason, the most frequent first; `others` died for reasons beyond the limit. */
const makeReasons = (list: List) => async (after: number, filter: Filter) => {
  const { total, newest, ends } = await list.standing()
  const counts = new Map<string, number>()
  let others = 0
  const next = await list.step(after, ends, (letters) => {
    for (const letter of letters) {
      if (!matches(letter, filter)) continue
      const { reason } = letter.shown
      if (counts.size >= REASONS_MAX && !counts.has(reason)) others += 1
      else counts.set(reason, (counts.get(reason) ?? 0) + 1)
    }
    return { dealt: letters.length, gone: 0 }
  })
  const reasons = [...counts]
    .map(([reason, writes]) => ({ reason, writes }))
    .sort((one, other) => other.writes - one.writes)
  return { reasons, others, total, newest, next }
}

/** Null when `until` is gone: somebody else is at work. */
const makeMove =
  (list: List, use: Use) =>
  async (selection: Selection): Promise<Moved | null> => {
    const isNamed = "versions" in selection
    const wanted = new Set(isNamed ? selection.versions : [])
    const { total, newest, ends } = await list.standing()
    // What is replayed may die again meanwhile: without an end this would begin anew for ever.
    const until = (isNamed ? undefined : selection.until) ?? newest
    const { after = 0 } = selection
    const chosenEnds = isNamed || until === null ? ends : await list.countTo(until, after)
    if (chosenEnds === null) return null
    let left = isNamed ? wanted.size : (selection.most ?? total)
    let moved = 0
    const next = await list.step(after, chosenEnds, async (letters, queue) => {
      const isChosen = (letter: Letter) =>
        isNamed ? wanted.has(letter.version) : matches(letter, selection)
      const chosen = letters.filter(isChosen).slice(0, left)
      let gone = 0
      for (const group of inGroups(chosen)) gone += await use(queue, group)
      for (const { version } of chosen) wanted.delete(version)
      moved += gone
      left -= chosen.length
      const last = chosen.at(-1)
      return { gone, dealt: left > 0 || !last ? letters.length : letters.indexOf(last) + 1 }
    })
    if (next === null || left === 0) return { moved, missing: [...wanted], next: null }
    const rest: Selection = isNamed
      ? { versions: [...wanted] }
      : { ...selection, most: left, ...(until !== null && { until }) }
    return { moved, missing: [], next: { ...rest, after: next } }
  }

export const makeLetters = (queues: Queues, valueMaxBytes: number) => {
  const list = makeList(queues, valueMaxBytes)
  return {
    page: makePage(list),
    reasons: makeReasons(list),
    replay: makeMove(list, (queue, letters) =>
      queue.replay({ pairs: letters.flatMap(({ text, item }) => [text, item]) }),
    ),
    discard: makeMove(list, (queue, letters) =>
      queue.discardLetters({ letters: letters.map(({ text }) => text) }),
    ),
  }
}

export type Letters = ReturnType<typeof makeLetters>
