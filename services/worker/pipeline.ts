/**
 * The worker in one sentence: wait for a window, take a batch, write it, acknowledge it. What could not
 * be written goes back, and the hold decides when the next batch is taken.
 */
import { Effect, Fiber, FiberSet, Option, Semaphore } from "effect"
import { settle } from "./acknowledge.ts"
import { checkTables } from "./check.ts"
import { checkOwner, claimBatch } from "./claim/claim.ts"
import { nextWindow, pace, worthTaking } from "./claim/window.ts"
import { Place } from "./evidence/doubt.ts"
import { Hold } from "./hold.ts"
import { Lease } from "./lease.ts"
import { Queue } from "./queue.ts"
import { queueBackoff } from "./retry.ts"
import { DRAIN_DEADLINE, Settings } from "./settings.ts"

/** Runs until it is interrupted; then finishes or gives back what it holds, and leaves. */
export const pipeline = Effect.gen(function* () {
  const queue = yield* Queue
  const hold = yield* Hold
  const lease = yield* Lease
  const { WORKER_CONCURRENCY } = yield* Settings
  const places = yield* Semaphore.make(WORKER_CONCURRENCY)
  const settling = yield* FiberSet.make<void, never>()
  const pacing = yield* FiberSet.make<void, never>()

  /** A batch that waits for evidence has left its place, and is no reason for others to wait. */
  const allPlaces = places.withPermits(WORKER_CONCURRENCY)
  const notBusy = Effect.andThen(allPlaces(Effect.void), FiberSet.awaitEmpty(pacing))
  const busy = Effect.zipWith(
    places.withPermitsIfAvailable(WORKER_CONCURRENCY)(Effect.void),
    FiberSet.size(pacing),
    (free, pacing) => Option.isNone(free) || pacing > 0,
  )

  const next = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const closing = yield* restore(
        worthTaking(busy, notBusy).pipe(Effect.andThen(hold.passed), Effect.andThen(nextWindow)),
      )
      yield* restore(places.take(1))
      const leave = yield* Effect.cached(places.release(1))
      const batch = yield* restore(Effect.andThen(hold.passed, claimBatch)).pipe(
        Effect.onError(() => leave),
      )
      if (!batch) return yield* leave
      yield* FiberSet.run(pacing, pace(closing, batch))
      yield* FiberSet.run(
        settling,
        lease
          .keep(batch.id, settle(batch, closing))
          .pipe(Effect.ensuring(leave), Effect.provideService(Place, { leave })),
      )
    }),
  )

  const drain = places
    .take(WORKER_CONCURRENCY)
    .pipe(
      Effect.timeoutOption(DRAIN_DEADLINE),
      Effect.andThen(FiberSet.clear(settling)),
      Effect.andThen(FiberSet.awaitEmpty(settling)),
    )

  // Finalizers run backwards: after the last heartbeat, which would put the worker on the list again.
  yield* Effect.addFinalizer(() => Effect.ignore(queue.leave))
  const beat = yield* Effect.forkScoped(lease.beat)
  yield* Effect.forkScoped(checkOwner)
  const work = next.pipe(
    Effect.tapError(({ reason }) => Effect.annotateLogs(Effect.logWarning("no queue"), { reason })),
    Effect.retry(queueBackoff),
    Effect.forever,
  )
  return yield* Effect.andThen(checkTables, work).pipe(
    // Heartbeats go on while it drains; if they end by a fault, so does the worker, and is started anew.
    Effect.raceFirst(Fiber.join(beat)),
    Effect.ensuring(drain),
  )
}).pipe(Effect.scoped)
