/**
 * The worker in one sentence: wait for a window, take a batch, write it, acknowledge it. What could not
 * be written goes back, and the hold decides when the next batch is taken.
 */
import { Effect, Fiber, FiberSet, Semaphore } from "effect"
import { carry } from "./carry.ts"
import { Hold } from "./hold.ts"
import { Lease } from "./lease.ts"
import { Queue } from "./queue.ts"
import { queueBackoff } from "./retry.ts"
import { DRAIN_DEADLINE, Settings } from "./settings.ts"
import { takeBatch } from "./take.ts"
import { nextWindow, pace, worthTaking } from "./window.ts"

/** Runs until it is interrupted; then finishes or gives back what it holds, and leaves. */
export const pipeline = Effect.gen(function* () {
  const queue = yield* Queue
  const hold = yield* Hold
  const lease = yield* Lease
  const { WORKER_CONCURRENCY } = yield* Settings
  const slots = yield* Semaphore.make(WORKER_CONCURRENCY)
  const carriers = yield* FiberSet.make<void, never>()
  const pauses = yield* FiberSet.make<void, never>()

  const busy = Effect.zipWith(FiberSet.size(carriers), FiberSet.size(pauses), (a, b) => a + b > 0)
  const notBusy = Effect.andThen(FiberSet.awaitEmpty(carriers), FiberSet.awaitEmpty(pauses))

  const next = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      yield* restore(slots.take(1))
      const [closing, batch] = yield* restore(worthTaking(busy, notBusy)).pipe(
        Effect.andThen(restore(hold.passed)),
        Effect.andThen(restore(nextWindow)),
        Effect.tap(() => restore(hold.passed)),
        Effect.zip(restore(takeBatch)),
        Effect.onError(() => slots.release(1)),
      )
      yield* FiberSet.run(pauses, pace(closing, batch))
      yield* FiberSet.run(
        carriers,
        Effect.ensuring(lease.keep(batch.id, carry(batch, closing)), slots.release(1)),
      )
    }),
  )

  const drain = FiberSet.awaitEmpty(carriers).pipe(
    Effect.timeoutOption(DRAIN_DEADLINE),
    Effect.andThen(FiberSet.clear(carriers)),
    Effect.andThen(FiberSet.awaitEmpty(carriers)),
  )

  // Finalizers run backwards: after the last heartbeat, which would put the worker on the list again.
  yield* Effect.addFinalizer(() => Effect.ignore(queue.leave))
  const beat = yield* Effect.forkScoped(lease.beat)
  return yield* next.pipe(
    Effect.tapError(({ reason }) => Effect.annotateLogs(Effect.logWarning("no queue"), { reason })),
    Effect.retry(queueBackoff),
    Effect.forever,
    // Heartbeats go on while it drains; if they end by a fault, so does the worker, and is started anew.
    Effect.raceFirst(Fiber.join(beat)),
    Effect.ensuring(drain),
  )
}).pipe(Effect.scoped)
