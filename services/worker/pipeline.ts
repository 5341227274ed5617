/**
 * The worker in one sentence: wait for a window, take a batch, write it, acknowledge it. What could not
 * be written goes back, and the hold decides when the next batch is taken. A pipeline is one list's.
 */
import { Effect, Fiber, FiberSet } from "effect"
import { settle } from "./acknowledge.ts"
import { Tables } from "./check.ts"
import { checkOwner, claimBatch } from "./claim/claim.ts"
import { ClaimSize } from "./claim/claim-size.ts"
import { nextWindow, pace, worthTaking } from "./claim/window.ts"
import { Place } from "./evidence/doubt.ts"
import { Hold } from "./hold.ts"
import { Lease } from "./lease.ts"
import { NO_QUEUE } from "./log.ts"
import { makePlaces } from "./places.ts"
import { Queue } from "./queue.ts"
import { queueBackoff } from "./retry.ts"
import { Serving } from "./serving.ts"
import { DRAIN_DEADLINE } from "./settings.ts"

/** Runs until it is interrupted; then finishes or gives back what it holds, and leaves. */
export const pipeline = Effect.gen(function* () {
  const queue = yield* Queue
  const hold = yield* Hold
  const lease = yield* Lease
  const serving = yield* Serving
  const claimSize = yield* ClaimSize
  const tables = yield* Tables
  const places = yield* makePlaces
  const settling = yield* FiberSet.make<void, never>()
  const pacing = yield* FiberSet.make<void, never>()

  /** A batch that waits for evidence has left its place, and is no reason for others to wait. */
  const notBusy = Effect.andThen(places.free, FiberSet.awaitEmpty(pacing))
  const busy = Effect.zipWith(
    places.isFree,
    FiberSet.size(pacing),
    (isFree, pacing) => !isFree || pacing > 0,
  )
  const window = worthTaking(busy, notBusy).pipe(
    Effect.andThen(hold.passed),
    Effect.andThen(nextWindow),
  )
  /**
   * Another whole claim waited at the last one: it is taken without a look, while that is written. Not while writes
   * are parked: what one worker put back to try it another would take and park again, as fast as both can.
   */
  let isBacklog = false

  const next = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const closing = isBacklog ? "Full" : yield* restore(window)
      isBacklog = false
      if (closing === null) return yield* restore(serving.served)
      // After the window: one that waits for its own keeps no other shard from a slot.
      const place = yield* restore(places.enter)
      const { leave } = place
      const batch = yield* restore(Effect.andThen(hold.passed, claimBatch)).pipe(
        Effect.provideService(Place, place),
        Effect.onError(() => leave),
      )
      if (!batch) return yield* leave
      const isWhole = batch.left >= (yield* claimSize.size)
      isBacklog = isWhole && (yield* hold.reason) === ""
      yield* FiberSet.run(pacing, pace(closing, batch))
      yield* FiberSet.run(
        settling,
        lease
          .keep(batch.id, settle(batch, closing))
          .pipe(Effect.ensuring(leave), Effect.provideService(Place, place)),
      )
    }),
  )

  const drain = places.close.pipe(
    Effect.timeoutOption(DRAIN_DEADLINE),
    Effect.andThen(FiberSet.clear(settling)),
    Effect.andThen(FiberSet.awaitEmpty(settling)),
  )

  // Finalizers run backwards: after the last heartbeat, which would put the worker on the list again.
  yield* Effect.addFinalizer(() => Effect.ignore(queue.leave))
  const beat = yield* Effect.forkScoped(lease.beat)
  yield* Effect.forkScoped(checkOwner)
  const work = next.pipe(
    Effect.tapError(({ reason }) => Effect.annotateLogs(Effect.logWarning(NO_QUEUE), { reason })),
    Effect.retry(queueBackoff),
    Effect.forever,
  )
  return yield* Effect.andThen(tables.checked, work).pipe(
    // Heartbeats go on while it drains; if they end by a fault, so does the worker, and is started anew.
    Effect.raceFirst(Fiber.join(beat)),
    Effect.ensuring(drain),
  )
}).pipe(Effect.scoped)
