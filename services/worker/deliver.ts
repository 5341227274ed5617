/**
 * Writes a batch to PostgreSQL. On success every write of it is stored, superseded by a newer one, or
 * on the list of the dead with the reason. On failure nothing is said about any of them: all may be
 * written again, because a row never goes back to an older version.
 */
import { Clock, Effect } from "effect"
import { encodeDeadLetter, type Item } from "../../shared/write.ts"
import { coalesce, halve } from "./batch.ts"
import { Bite } from "./bite.ts"
import { Database } from "./database.ts"
import { BatchFailed, type DatabaseError, isSlow, type WriteRejected } from "./errors.ts"
import { countFailure } from "./metrics.ts"
import type { Batch } from "./queue.ts"
import { batchRetry } from "./retry.ts"
import { BATCH_DEADLINE, Settings, SILENCES_MAX } from "./settings.ts"

export interface Delivered {
  /** Writes that were not needed: a newer one of the same key was in the batch. */
  readonly coalesced: number
  /** Dead letters, encoded. */
  readonly dead: ReadonlyArray<string>
}

interface Rejected {
  readonly item: Item
  readonly error: WriteRejected
}

/** What stops a batch; rejected rows do not. */
export type DeliveryError = Exclude<DatabaseError, WriteRejected>

/**
 * One statement for all rows; halved when a row was rejected, until the bad rows stand alone, and when
 * it took too long, until the halves do not. Halves run one after the other: k bad rows of n cost about
 * 2k·log2(n) statements. A row that is too slow alone is retried like any other failure.
 */
const writeRows = (
  rows: ReadonlyArray<Item>,
): Effect.Effect<ReadonlyArray<Rejected>, DeliveryError, Database | Settings | Bite> =>
  Effect.gen(function* () {
    const database = yield* Database
    const settings = yield* Settings
    const bite = yield* Bite
    const tooMany = (error: DatabaseError) => isSlow(error) && rows.length > 1
    const inHalves = Effect.suspend(() => {
      const [first, second] = halve(rows)
      return Effect.zipWith(writeRows(first), writeRows(second), (a, b) => [...a, ...b])
    })
    return yield* database.write(rows).pipe(
      Effect.tapError(countFailure),
      Effect.retry({
        schedule: batchRetry(settings),
        while: (error) => error._tag === "BatchFailed" && !tooMany(error),
      }),
      Effect.as<ReadonlyArray<Rejected>>([]),
      Effect.catchTags({
        WriteRejected: (error) => {
          const [item] = rows
          return rows.length > 1 || !item ? inHalves : Effect.succeed([{ item, error }])
        },
        BatchFailed: (error) =>
          tooMany(error) ? Effect.andThen(bite.shrink(rows.length), inHalves) : Effect.fail(error),
      }),
    )
  })

const tookTooLong = (rows: number) =>
  Effect.gen(function* () {
    const bite = yield* Bite
    yield* bite.shrink(rows)
    return yield* new BatchFailed({ reason: "batch deadline passed", sqlstate: null })
  })

/** Writes a batch. If a key's newest write is rejected, the next older one of it is written instead. */
export const deliver = Effect.fnUntraced(
  function* ({ items, unreadable, silences }: Batch) {
    const bite = yield* Bite
    const at = new Date(yield* Clock.currentTimeMillis).toISOString()
    if (silences >= SILENCES_MAX) {
      const reason = `${silences} workers went silent with it`
      const all = [...items, ...unreadable]
      return { coalesced: 0, dead: all.map((item) => encodeDeadLetter(item, reason, null, at)) }
    }
    const { newest, nextOlder } = coalesce(items)
    const rejected: Rejected[] = []
    let tried = 0
    let rows = newest
    // Each round tries at least one item that no round before it has tried.
    while (rows.length > 0) {
      tried += rows.length
      const bad = yield* writeRows(rows)
      rejected.push(...bad)
      rows = bad.flatMap(({ item }) => nextOlder(item) ?? [])
    }
    // What was claimed, not what was left to write: a bite of one hot key is one row, and would never grow.
    yield* bite.grow(items.length + unreadable.length)
    return {
      coalesced: items.length - tried,
      dead: [
        ...unreadable.map((item) => encodeDeadLetter(item, item.reason, null, at)),
        ...rejected.map(({ item, error }) =>
          encodeDeadLetter(item, error.reason, error.sqlstate, at),
        ),
      ],
    } satisfies Delivered as Delivered
  },
  (delivery, batch) =>
    Effect.timeoutOrElse(delivery, {
      duration: BATCH_DEADLINE,
      orElse: () => tookTooLong(batch.items.length),
    }),
)
