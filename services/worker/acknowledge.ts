/**
 * Ends a batch: has it written and acknowledges it, the buried writes included, or gives it back.
 * Between the commit and the acknowledgement nothing can interrupt it.
 */
import { Cause, Clock, Effect, Option } from "effect"
import { commonReason } from "./bury.ts"
import { DatabaseMisconfigured } from "./errors.ts"
import { Place } from "./evidence/doubt.ts"
import type { PersistError } from "./evidence/trial.ts"
import { Hold } from "./hold.ts"
import { kindOf } from "./log.ts"
import { parkHeld, parkUnwritable } from "./park.ts"
import { type Persisted, persist, sharesOf } from "./persist.ts"
import { type Batch, type Closing, Queue } from "./queue.ts"
import { Report } from "./report/report.ts"
import { acknowledgeRetry, releaseRetry } from "./retry.ts"
import { Settings } from "./settings.ts"
import { traceBatch } from "./tracing.ts"

/** The dead go into the same step, so that each write leaves the batch exactly once. */
const acknowledge = Effect.fnUntraced(function* (
  batch: Batch,
  closing: Closing,
  persisted: Persisted,
  since: bigint,
) {
  const { id, items, unreadable } = batch
  const { coalesced, dead } = persisted
  const queue = yield* Queue
  const report = yield* Report
  const settings = yield* Settings
  const { leaveSlot } = yield* Place
  const counted = yield* Effect.retry(
    Effect.tapError(queue.acknowledge(id, closing, coalesced, dead), () => leaveSlot),
    acknowledgeRetry(settings),
  )
  // The batch had been recovered; whoever wrote it again counts it.
  if (!counted) return yield* Effect.logWarning("a late acknowledgement was refused")
  if (dead.length > 0) {
    yield* Effect.annotateLogs(Effect.logError("writes were buried"), {
      writes: dead.length,
      reason: commonReason(dead),
    })
  }
  const writes = items.length + unreadable.length
  const millis = Number((yield* Clock.monotonicTimeNanos) - since) / 1e6
  yield* traceBatch({ batch, closing, since, persisted })
  yield* report.batch({ closing, writes, rows: writes - coalesced - dead.length, millis })
})

/** First the hold, then the release: the other way round the batch would be claimed again at once. */
const giveBack = Effect.fnUntraced(function* (id: string, cause: Cause.Cause<PersistError>) {
  const queue = yield* Queue
  const hold = yield* Hold
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error) yield* hold.enter(error)
  else if (Cause.hasDies(cause)) {
    // A fault of this program: stop and say so, rather than try the same batch for ever.
    const reason = `defect: ${kindOf(cause)}`
    yield* hold.enter(new DatabaseMisconfigured({ reason, sqlstate: null, cause }))
  }
  yield* Effect.retry(queue.release(id), releaseRetry)
})

/** What could be written is acknowledged; writes of tables that are held from now on are parked before. */
const finish = Effect.fnUntraced(function* (
  batch: Batch,
  closing: Closing,
  persisted: Persisted,
  since: bigint,
) {
  const hold = yield* Hold
  const rest = yield* parkHeld(batch, persisted.held)
  if (rest === null) return
  const stored = sharesOf(rest.items).map(({ table }) => table)
  yield* hold.settled(stored)
  yield* acknowledge(rest, closing, persisted, since)
})

/** Never fails: a batch that Redis cannot be told about is left to its lease. */
export const settle = (claimed: Batch, closing: Closing) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const since = yield* Clock.monotonicTimeNanos
      const batch = yield* parkUnwritable(claimed)
      if (batch === null) return
      yield* restore(persist(batch)).pipe(
        Effect.matchCauseEffect({
          onSuccess: (persisted) => finish(batch, closing, persisted, since),
          onFailure: (cause) =>
            Effect.andThen(giveBack(batch.id, cause), traceBatch({ batch, closing, since })),
        }),
      )
    }),
  ).pipe(
    Effect.catchTag("QueueUnavailable", ({ reason }) =>
      Effect.annotateLogs(Effect.logWarning("a batch is left to its lease"), { reason }),
    ),
    Effect.annotateLogs({ batch: claimed.id }),
  )
