/**
 * Writes a batch to PostgreSQL. On success every write of it is stored, superseded by a newer one, or
 * on the list of the dead with the reason. On failure nothing is said about any of them: all may be
 * written again, because a row never goes back to an older version.
 */
import { Clock, Effect } from "effect"
import { buryBatch, buryRejected, buryUnreadable } from "./bury.ts"
import { ClaimSize } from "./claim-size.ts"
import { coalesce } from "./coalesce.ts"
import { BatchFailed } from "./errors.ts"
import { storeRows } from "./evidence/doubt.ts"
import type { Bad } from "./evidence/sift.ts"
import { makeTrial } from "./evidence/trial.ts"
import type { Batch } from "./queue.ts"
import { BATCH_DEADLINE, LOST_LEASES_MAX } from "./settings.ts"

export interface Persisted {
  /** Writes that were not needed: a newer one of the same key was in the batch. */
  readonly coalesced: number
  /** Dead letters, encoded. */
  readonly dead: ReadonlyArray<string>
}

const tookTooLong = (rows: number) =>
  Effect.gen(function* () {
    const claimSize = yield* ClaimSize
    yield* claimSize.shrink(rows)
    return yield* new BatchFailed({ reason: "batch deadline passed", sqlstate: null })
  })

/** Writes a batch. If a key's newest write is rejected, the next older one of it is written instead. */
export const persist = Effect.fnUntraced(
  function* (batch: Batch) {
    const claimSize = yield* ClaimSize
    const at = new Date(yield* Clock.currentTimeMillis).toISOString()
    if (batch.lostLeases >= LOST_LEASES_MAX) return { coalesced: 0, dead: buryBatch(batch, at) }
    const { items, unreadable } = batch
    const { newest, nextOlder } = coalesce(items)
    const trial = yield* makeTrial
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
    // What was claimed, not what was left to write: a claim of one hot key is one row, and would never grow.
    yield* claimSize.grow(items.length + unreadable.length)
    return {
      coalesced: items.length - tried,
      dead: [
        ...unreadable.map((item) => buryUnreadable(item, at)),
        ...rejected.map((bad) => buryRejected(bad, at)),
      ],
    } satisfies Persisted as Persisted
  },
  (persisting, batch) =>
    Effect.timeoutOrElse(persisting, {
      duration: BATCH_DEADLINE,
      orElse: () => tookTooLong(batch.items.length),
    }),
)
