/**
 * The statements of one delivery, and what counts as evidence about its rows. From its first refusal
 * on, a row that another statement stores shows that the table takes rows; nothing from before does.
 */
import { Effect } from "effect"
import type { Item } from "../../../shared/item.ts"
import { ClaimSize } from "../claim-size.ts"
import { Database } from "../database.ts"
import {
  type BatchFailed,
  blameDatabase,
  isSlow,
  type StatementRefused,
  type WriteError,
  type WriteRejected,
} from "../errors.ts"
import { countFailure } from "../metrics.ts"
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
  readonly hasEvidence: Effect.Effect<boolean>
  readonly awaitEvidence: Effect.Effect<void>
  /** What was stored until now counts no longer. */
  readonly forget: Effect.Effect<void>
}

export const makeTrial = Effect.gen(function* () {
  const database = yield* Database
  const evidence = yield* Evidence
  const settings = yield* Settings
  const claimSize = yield* ClaimSize
  let refusedAt: number | null = null

  const forget = Effect.map(evidence.now, (now) => {
    refusedAt = now
  })

  /** What refuses a statement without rows as well is the database. One more statement finds it out. */
  const begin = Effect.suspend(() =>
    refusedAt === null ? Effect.andThen(forget, Effect.asVoid(database.write([]))) : Effect.void,
  ).pipe(Effect.tapError(countFailure), Effect.mapError(blameDatabase))

  const trial: Trial = {
    attempt: (rows) => {
      const tooMany = (error: WriteError) => isSlow(error) && rows.length > 1
      return evidence.write(rows).pipe(
        Effect.tapError(countFailure),
        Effect.retry({
          schedule: batchRetry(settings),
          while: (error) => error._tag === "BatchFailed" && !tooMany(error),
        }),
        Effect.as(null),
        Effect.catchTags({
          WriteRejected: (error) => Effect.succeed(error),
          StatementRefused: (error) => Effect.as(begin, error),
          BatchFailed: (error) =>
            tooMany(error) ? Effect.as(claimSize.shrink(rows.length), error) : Effect.fail(error),
        }),
      )
    },
    hasEvidence: Effect.suspend(() =>
      refusedAt === null ? Effect.succeed(false) : evidence.since(refusedAt),
    ),
    awaitEvidence: Effect.suspend(() =>
      refusedAt === null ? Effect.never : evidence.wait(refusedAt),
    ),
    forget,
  }
  return trial
})
