/**
 * Leases: the ids of this worker's batches, which of them it has, the heartbeat that keeps them, and the
 * recovery of batches whose worker went silent, its own earlier life included. Every worker recovers for
 * all.
 */
import { Context, Duration, Effect, Layer, Option, Semaphore } from "effect"
import { Hold } from "./hold.ts"
import { unpark } from "./park.ts"
import { Queue } from "./queue.ts"
import { queueBackoff } from "./retry.ts"
import { Serving } from "./serving.ts"
import { Settings } from "./settings.ts"

/** Two heartbeats may be lost before a lease is. */
const HEARTBEATS_PER_LEASE = 3

export class Lease extends Context.Service<
  Lease,
  {
    /** The id of a batch to be claimed; no other batch of any worker has it. */
    readonly nextId: Effect.Effect<string>
    /** Keeps the lease of a batch for as long as `use` runs. */
    readonly keep: <A, E, R>(id: string, use: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /** Heartbeats and recovers for ever. */
    readonly beat: Effect.Effect<never>
  }
>()("write-buffer/worker/Lease") {
  static readonly layer = Layer.effect(
    Lease,
    Effect.gen(function* () {
      const queue = yield* Queue
      const hold = yield* Hold
      const serving = yield* Serving
      const { LEASE_SECONDS, worker } = yield* Settings
      const interval = Duration.seconds(LEASE_SECONDS / HEARTBEATS_PER_LEASE)
      const claimed = new Set<string>()
      let ids = 0
      const scope = yield* Effect.scope
      const changed = yield* hold.changes
      const unparking = yield* Semaphore.make(1)
      const unparkLots = (lots: ReadonlyArray<string>) =>
        unpark(lots).pipe(Effect.provideService(Queue, queue), Effect.provideService(Hold, hold))

      const once = Effect.gen(function* () {
        const reason = yield* hold.reason
        const { lost, expired, lots, able } = yield* queue.heartbeat([...claimed], reason)
        yield* serving.see(able)
        for (const id of lost.filter((batch) => claimed.has(batch))) {
          yield* Effect.logWarning("a lease was lost").pipe(Effect.annotateLogs({ batch: id }))
        }
        for (const id of expired) {
          const count = yield* queue.recover(id)
          if (count > 0) {
            const found = { batch: id, writes: count }
            yield* Effect.logWarning("a silent batch went back").pipe(Effect.annotateLogs(found))
          }
        }
        // Beside the heartbeats, which a lot of many writes must not delay.
        yield* Effect.forkIn(
          unparking.withPermitsIfAvailable(1)(Effect.ignore(unparkLots(lots))),
          scope,
        )
      })

      return Lease.of({
        nextId: Effect.sync(() => `${worker}:${++ids}`),
        keep: (id, use) =>
          Effect.suspend(() => {
            claimed.add(id)
            return Effect.ensuring(
              use,
              Effect.sync(() => claimed.delete(id)),
            )
          }),
        // A change of the hold is told at once, so that /health does not lag by a heartbeat.
        beat: once.pipe(
          Effect.retry(queueBackoff),
          Effect.andThen(Effect.timeoutOption(changed, interval)),
          Effect.map(Option.isSome),
          Effect.forever,
          Effect.orDie,
        ),
      })
    }),
  )
}
