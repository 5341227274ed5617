/** The places of the batches that a pipeline has in flight, each with one of the slots that all pipelines share. */
import { Effect, Option, Semaphore } from "effect"
import { Settings } from "./settings.ts"
import { Shards } from "./shards.ts"

export const makePlaces = Effect.gen(function* () {
  const { slots } = yield* Shards
  const { WORKER_CONCURRENCY } = yield* Settings
  const places = yield* Semaphore.make(WORKER_CONCURRENCY)
  const leaving = Effect.gen(function* () {
    const leaveSlot = yield* Effect.cached(slots.release(1))
    const leave = yield* Effect.cached(Effect.andThen(leaveSlot, places.release(1)))
    return { leave, leaveSlot }
  })

  return {
    /** Waits for a place. Returns what leaves it, and what leaves its slot alone; of many calls the first counts. */
    enter: places
      .take(1)
      .pipe(
        Effect.andThen(Effect.onInterrupt(slots.take(1), () => places.release(1))),
        Effect.andThen(leaving),
      ),
    isFree: Effect.map(
      places.withPermitsIfAvailable(WORKER_CONCURRENCY)(Effect.void),
      Option.isSome,
    ),
    /** Waits until no place is taken. */
    free: places.withPermits(WORKER_CONCURRENCY)(Effect.void),
    /** The same, and nobody takes one from then on. */
    close: places.take(WORKER_CONCURRENCY),
  }
})
