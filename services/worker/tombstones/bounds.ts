/**
 * How far the tombstones of each table may be swept: below every version that still lives in Redis. What
 * waits, what is in a batch and what an operator may replay months later is an older write, and would
 * bring the row back whose tombstone is gone.
 */
import { Effect } from "effect"
import { decodeDeadLetter } from "../../../shared/item.ts"
import type { Table } from "../../../shared/table/table.ts"
import type { Queue } from "../queue.ts"
import { Shards } from "../shards.ts"

/** Dead letters are read in pages. Of more than so many nobody knows the lowest version: nothing is swept. */
const LETTERS_PAGE = 1_000
const LETTERS_MAX = 100_000

/** Letters that come or go while they are read are read again, at most so often. */
const READS_MAX = 3

export interface Bound {
  /** A tombstone of a lower version has no older write anywhere. */
  readonly below: number
  /** It would be higher without dead letters. */
  readonly isByLetters: boolean
}

/** Of a table; null while nothing of it may be swept, because some of its writes are parked. */
export type Bounds = (table: Table) => Bound | null

/** The lowest version by table; what was no write may be one of any table to a newer build: null. */
type Lowest = ReadonlyMap<string | null, number>

const NONE = Number.MAX_SAFE_INTEGER

const readLetters = Effect.fnUntraced(function* (queue: Queue["Service"], total: number) {
  const lowest = new Map<string | null, number>()
  if (total > LETTERS_MAX) return lowest.set(null, 0) as Lowest
  for (let after = 0; after < total; after += LETTERS_PAGE) {
    for (const letter of yield* queue.letters(after, Math.min(LETTERS_PAGE, total - after))) {
      const { version, table } = decodeDeadLetter(letter).shown
      lowest.set(table, Math.min(version, lowest.get(table) ?? NONE))
    }
  }
  return lowest as Lowest
})

const isParked = (lots: ReadonlyArray<string>, { name }: Table) =>
  lots.some((lot) => lot === name || lot.startsWith(`${name}.`))

/**
 * Asks for the bounds; null when they cannot be known now. They hold from then on: no version that is
 * issued later is below one that was issued before. What the dead letters have is kept for the next time.
 */
export const makeBounds = Effect.gen(function* () {
  const { queues } = yield* Shards
  const ofQueue = new Map<Queue["Service"], ReturnType<typeof makeQueueBounds>>()

  return Effect.fnUntraced(function* (identity: string) {
    const all = yield* queues
    if (all === null) return null
    const found: Bounds[] = []
    for (const queue of all) {
      const ask = ofQueue.get(queue) ?? makeQueueBounds(queue)
      ofQueue.set(queue, ask)
      const bounds = yield* ask(identity)
      if (bounds === null) return null
      found.push(bounds)
    }
    return ((table) => {
      const bounds = found.map((boundOf) => boundOf(table))
      if (bounds.includes(null)) return null
      return (bounds as Bound[]).reduce((lowest, bound) =>
        bound.below < lowest.below ? bound : lowest,
      )
    }) as Bounds
  })
})

/** The bounds by one list. */
const makeQueueBounds = (queue: Queue["Service"]) => {
  let known = { letters: 0, newestLetter: null as string | null, lowest: new Map() as Lowest }

  return Effect.fnUntraced(function* (identity: string) {
    for (let read = 0; read <= READS_MAX; read += 1) {
      const oldest = yield* queue.oldest(identity)
      if (oldest === null) return null
      const { lowest, lots, letters, newestLetter } = oldest
      // The same newest of as many letters: all are those that were read, and were there at this moment.
      if (letters === known.letters && newestLetter === known.newestLetter) {
        const ofLetters = known.lowest
        return ((table) => {
          if (isParked(lots, table)) return null
          const dead = Math.min(ofLetters.get(table.name) ?? NONE, ofLetters.get(null) ?? NONE)
          return { below: Math.min(lowest, dead), isByLetters: dead < lowest }
        }) as Bounds
      }
      known = { letters, newestLetter, lowest: yield* readLetters(queue, letters) }
    }
    return null
  })
}
