/**
 * Writes rows and tells apart what became of them: stored, rejected, refused or in doubt. A statement
 * that is refused is halved until the rows at fault stand alone; one that took too long, until the
 * halves do not. k bad rows of n cost about 2k·log2(n) statements.
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
  /** Rows that were refused, others were stored since, and they are refused alone. */
  readonly refused: ReadonlyArray<Bad<StatementRefused>>
  /** Rows that were refused, and nothing was stored since. */
  readonly doubtful: ReadonlyArray<Bad<StatementRefused>>
}

/** All rows that are on none of the lists are stored. */
export const sift = Effect.fnUntraced(function* (rows: ReadonlyArray<Item>, trial: Trial) {
  const rejected = new Map<Item, WriteRejected>()
  const refused = new Map<Item, StatementRefused>()
  const doubtful = new Map<Item, StatementRefused>()
  /** Statements that stored nothing, the largest first: a run of good rows is found soon. */
  const parts: Array<{ readonly rows: ReadonlyArray<Item>; readonly refusal: Refusal }> = []

  const attempt = Effect.fnUntraced(function* (some: ReadonlyArray<Item>) {
    const refusal = yield* trial.attempt(some)
    const [item] = some
    if (refusal === null || !item) return
    if (some.length > 1 || refusal._tag === "BatchFailed") parts.push({ rows: some, refusal })
    else if (refusal._tag === "WriteRejected") rejected.set(item, refusal)
    else if (yield* trial.hasEvidence) refused.set(item, refusal)
    else doubtful.set(item, refusal)
  })

  yield* attempt(rows)
  let statements = 1
  for (let part = parts.shift(); part; part = parts.shift()) {
    const { refusal } = part
    const isUnclear = refusal._tag === "StatementRefused"
    if (isUnclear && statements >= SEARCH_MAX && !(yield* trial.hasEvidence)) {
      for (const item of part.rows) doubtful.set(item, refusal)
      continue
    }
    for (const half of halve(part.rows)) yield* attempt(half)
    statements += 2
  }

  const inOrder = <E>(found: ReadonlyMap<Item, E>): ReadonlyArray<Bad<E>> =>
    rows.flatMap((item) => {
      const error = found.get(item)
      return error === undefined ? [] : [{ item, error }]
    })
  return {
    rejected: inOrder(rejected),
    refused: inOrder(refused),
    doubtful: inOrder(doubtful),
  } satisfies Sifted as Sifted
})
