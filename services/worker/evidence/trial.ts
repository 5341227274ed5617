/**
 * The statements of one batch: its rows, retried where that may help, and what shows whether it is
 * the database that refuses them.
 */
import { Effect } from "effect"
import type { Item } from "../../../shared/item.ts"
import type { Table } from "../../../shared/table/table.ts"
import { ClaimSize } from "../claim/claim-size.ts"
import { Database } from "../database.ts"
import {
  type BatchFailed,
  blameDatabase,
  isLocked,
  isSlow,
  type StatementRefused,
  type WriteError,
  type WriteRejected,
} from "../errors.ts"
import { countFailure } from "../report/metrics.ts"
import { batchRetry } from "../retry.ts"
import { Settings } from "../settings.ts"
import { Evidence } from "./evidence.ts"

/** Why a statement stored nothing, as far as fewer rows may be stored. */
export type Refusal = WriteRejected | StatementRefused | BatchFailed

/** What stops a batch; rejected rows do not. */
export type PersistError = Exclude<WriteError, WriteRejected>

export interface Trial {
  /** Writes rows in one statement, retried where that may help. Null when all are stored. */
  readonly attempt: (rows: ReadonlyArray<Item>) => Effect.Effect<Refusal | null, PersistError>
  /** Whether the table takes a row that it has taken before; false also when it has none. */
  readonly isInOrder: Effect.Effect<boolean, PersistError>
}

export const makeTrial = Effect.fnUntraced(function* (table: Table) {
  const database = yield* Database
  const evidence = yield* Evidence
  const settings = yield* Settings
  const claimSize = yield* ClaimSize
  let isRefused = false

  const retried = <A>(statement: Effect.Effect<A, WriteError>, rows: number) =>
    statement.pipe(
      Effect.tapError(countFailure),
      Effect.retry({
        schedule: batchRetry(settings),
        // A lock is waited for by the table's hold, while batches of other tables take this one's place.
        while: (error) =>
          error._tag === "BatchFailed" && !isLocked(error) && !(isSlow(error) && rows > 1),
      }),
    )

  /** What refuses a statement without rows as well is the database. One more statement finds it out. */
  const blame = Effect.suspend(() => {
    if (isRefused) return Effect.void
    isRefused = true
    return Effect.asVoid(database.write(table, []))
  }).pipe(Effect.tapError(countFailure), Effect.mapError(blameDatabase))

  const trial: Trial = {
    attempt: (rows) =>
      retried(evidence.write(table, rows), rows.length).pipe(
        Effect.as(null),
        Effect.catchTags({
          WriteRejected: (error) => Effect.succeed(error),
          StatementRefused: (error) => Effect.as(blame, error),
          BatchFailed: (error) =>
            isSlow(error) && rows.length > 1
              ? Effect.as(claimSize.shrink(rows.length), error)
              : Effect.fail(error),
        }),
      ),
    isInOrder: retried(evidence.rehearse(table), 1).pipe(
      Effect.catchTags({
        WriteRejected: () => Effect.succeed(false),
        StatementRefused: () => Effect.succeed(false),
      }),
    ),
  }
  return trial
})
