/**
 * The worker in one sentence: wait for a window, take a batch, write it, acknowledge it. What could not
 * be written goes back, and the hold decides when the next batch is taken.
 */
import { Duration, Effect, FiberSet, Semaphore } from "effect"
import { Bite } from "./bite.ts"
import { carry } from "./carry.ts"
import { Hold } from "./hold.ts"
import { Lease } from "./lease.ts"
import { type Batch, type Closing, Queue } from "./queue.ts"
import { queueBackoff } from "./retry.ts"
import { DRAIN_DEADLINE, Settings } from "./settings.ts"
import { takeBatch } from "./take.ts"
import { nextWindow, worthTaking } from "./window.ts"

/**
 * The least time between two batches while writes come in faster than windows open. A batch costs the
 * worker, Redis and PostgreSQL some milliseconds of processor time however small it is: without this
 * pause all of them together spend a third more on a write under load. A backlog is taken without it.
 */
const PACE = Duration.millis(25)

/** Runs until it is interrupted; then finishes or gives back what it holds, and leaves. */
export const pipeline = Effect.gen(function* () {
  const queue = yield* Queue
  const hold = yield* Hold
  const bite = yield* Bite
  const lease = yield* Lease
  const { WORKER_CONCURRENCY } = yield* Settings
  const slots = yield* Semaphore.make(WORKER_CONCURRENCY)
  const carriers = yield* FiberSet.make<void, never>()
  const pauses = yield* FiberSet.make<void, never>()

  const busy = Effect.zipWith(FiberSet.size(carriers), FiberSet.size(pauses), (a, b) => a + b > 0)
  const notBusy = Effect.andThen(FiberSet.awaitEmpty(carriers), FiberSet.awaitEmpty(pauses))

  const pause = Effect.fnUntraced(function* (closing: Closing, { items, unreadable }: Batch) {
    const isBacklog = items.length + unreadable.length >= (yield* bite.size)
    if (closing === "Full" && !isBacklog) yield* FiberSet.run(pauses, Effect.sleep(PACE))
  })

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
      yield* pause(closing, batch)
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
  yield* Effect.forkScoped(lease.beat)
  return yield* next.pipe(
    Effect.tapError(({ reason }) => Effect.annotateLogs(Effect.logWarning("no queue"), { reason })),
    Effect.retry(queueBackoff),
    Effect.forever,
    Effect.ensuring(drain),
  )
}).pipe(Effect.scoped)
