/**
 * Writes a batch to PostgreSQL, one statement for each of its tables. On success every write is stored,
 * superseded by a newer one, on the list of the dead with the reason, or of a table that has to be held.
 * On failure nothing is said about any of them: all may be written again, because a row never goes back to
 * an older version.
 */
import { Clock, Effect } from "effect"
import type { Item } from "../../shared/item.ts"
import type { Table } from "../../shared/table/table.ts"
import { buryBatch, buryRejected, buryUnreadable } from "./bury.ts"
import { ClaimSize } from "./claim/claim-size.ts"
import { coalesce } from "./coalesce.ts"
import { BatchFailed, isOfTable } from "./errors.ts"
import { storeRows } from "./evidence/doubt.ts"
import type { Bad } from "./evidence/sift.ts"
import { makeTrial, type PersistError } from "./evidence/trial.ts"
import type { Batch } from "./queue.ts"
import { BATCH_DEADLINE, LOST_LEASES_MAX } from "./settings.ts"

/** The items of one table. */
export interface Share {
  readonly table: Table
  readonly items: ReadonlyArray<Item>
}

/** A table that could not be written, and why; none of its items counts as stored. */
export interface Held extends Share {
  readonly error: PersistError
}

export interface Persisted {
  /** Writes that were not needed: a newer one of the same key was in the batch. */
  readonly coalesced: number
  /** Dead letters, encoded. */
  readonly dead: ReadonlyArray<string>
  readonly held: ReadonlyArray<Held>
}

const tookTooLong = Effect.fnUntraced(function* ({ items }: Share) {
  const claimSize = yield* ClaimSize
  yield* claimSize.shrink(items.length)
  return yield* new BatchFailed({ reason: "batch deadline passed", sqlstate: null })
})

/** The items of a batch by table. */
export const sharesOf = (items: ReadonlyArray<Item>): ReadonlyArray<Share> => {
  const shares = new Map<Table, Item[]>()
  for (const item of items) {
    const { table } = item.write
    const share = shares.get(table)
    if (share) share.push(item)
    else shares.set(table, [item])
  }
  return [...shares].map(([table, share]) => ({ table, items: share }))
}

/** Writes the items of one table. If a key's newest write is rejected, the next older one of it is written. */
const persistShare = Effect.fnUntraced(function* ({ table, items }: Share) {
  const { newest, nextOlder } = coalesce(items)
  const trial = yield* makeTrial(table)
  const rejected: Bad[] = []
  let tried = 0
  let rows = newest
  // Each round tries at least one item that no round before it has tried.
  while (rows.length > 0) {
    tried += rows.length
    const bad = yield* storeRows(rows, trial)
    rejected.push(...bad)
    rows = bad.flatMap(({ item }) => nextOlder(item) ?? [])
  }
  return { coalesced: items.length - tried, rejected, held: [] as ReadonlyArray<Held> }
})

/** The same within its deadline; what fails because of the table is no failure of the batch. */
const persistOrHold = (share: Share) =>
  Effect.timeoutOrElse(persistShare(share), {
    duration: BATCH_DEADLINE,
    orElse: () => tookTooLong(share),
  }).pipe(
    Effect.catchIf(isOfTable, (error) =>
      Effect.succeed({ coalesced: 0, rejected: [], held: [{ ...share, error }] }),
    ),
  )

export const persist = Effect.fnUntraced(function* (batch: Batch) {
  const claimSize = yield* ClaimSize
  const at = new Date(yield* Clock.currentTimeMillis).toISOString()
  if (batch.lostLeases >= LOST_LEASES_MAX) {
    return { coalesced: 0, dead: buryBatch(batch, at), held: [] }
  }
  const { items, unreadable } = batch
  // All at once: a table that is locked keeps the others waiting for no longer than itself.
  const shares = yield* Effect.forEach(sharesOf(items), persistOrHold, {
    concurrency: "unbounded",
  })
  const held = shares.flatMap((share) => share.held)
  // What was claimed, not what was left to write: a claim of one hot key is one row, and would never grow.
  if (held.length === 0) yield* claimSize.grow(items.length + unreadable.length)
  return {
    coalesced: shares.reduce((sum, { coalesced }) => sum + coalesced, 0),
    dead: [
      ...unreadable.map((item) => buryUnreadable(item, at)),
      ...shares.flatMap(({ rejected }) => rejected.map((bad) => buryRejected(bad, at))),
    ],
    held,
  } satisfies Persisted as Persisted
})
