/**
 * Writes rows and tells apart what became of them: stored, rejected or refused. A statement that is
 * refused is halved until the rows at fault stand alone; one that took too long, until the halves do
 * not. k bad rows of n cost about 2k·log2(n) statements.
 */
import { Effect } from "effect"
import type { Item } from "../../../shared/item.ts"
import { halve } from "../coalesce.ts"
import type { StatementRefused, WriteRejected } from "../errors.ts"
import { SEARCH_MAX } from "../settings.ts"
import type { Refusal, Trial } from "./trial.ts"

export interface Bad<E = WriteRejected | StatementRefused> {
  readonly item: Item
  readonly error: E
}

export interface Sifted {
  /** Rows that can never be stored, whatever the state of the database. */
  readonly rejected: ReadonlyArray<Bad<WriteRejected>>
  /** Rows that were refused alone: they are bad, or the database is. */
  readonly alone: ReadonlyArray<Bad<StatementRefused>>
  /** Rows that were refused among others, and not looked for: the table seems to refuse every row. */
  readonly among: ReadonlyArray<Bad<StatementRefused>>
}

/** Begins with these statements. All rows that are on none of the lists are stored. */
export const sift = Effect.fnUntraced(function* (
  first: ReadonlyArray<ReadonlyArray<Item>>,
  trial: Trial,
) {
  const rejected = new Map<Item, WriteRejected>()
  const alone = new Map<Item, StatementRefused>()
  const among = new Map<Item, StatementRefused>()
  /** Statements that stored nothing, the largest first: a run of good rows is found soon. */
  const parts: Array<{ readonly rows: ReadonlyArray<Item>; readonly refusal: Refusal }> = []
  /** Whether the table takes rows, as far as the search has found out. */
  let takesRows: boolean | null = null

  const attempt = Effect.fnUntraced(function* (some: ReadonlyArray<Item>) {
    const refusal = yield* trial.attempt(some)
    const [item] = some
    if (refusal === null) takesRows = true
    if (refusal === null || !item) return
    if (some.length > 1 || refusal._tag === "BatchFailed") parts.push({ rows: some, refusal })
    else if (refusal._tag === "WriteRejected") rejected.set(item, refusal)
    else alone.set(item, refusal)
  })

  for (const rows of first) yield* attempt(rows)
  let statements = first.length
  for (let part = parts.shift(); part; part = parts.shift()) {
    const { refusal } = part
    if (refusal._tag === "StatementRefused" && statements >= SEARCH_MAX) {
      takesRows ??= yield* trial.isInOrder
      if (!takesRows) {
        for (const item of part.rows) among.set(item, refusal)
        continue
      }
    }
    for (const half of halve(part.rows)) yield* attempt(half)
    statements += 2
  }

  const inOrder = <E>(found: ReadonlyMap<Item, E>): ReadonlyArray<Bad<E>> =>
    first.flat().flatMap((item) => {
      const error = found.get(item)
      return error === undefined ? [] : [{ item, error }]
    })
  return {
    rejected: inOrder(rejected),
    alone: inOrder(alone),
    among: inOrder(among),
  } satisfies Sifted as Sifted
})
