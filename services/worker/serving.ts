/**
 * Which workers serve a shard: the first ones by a hash of the shard and the worker (rendezvous hashing), of those
 * whose heartbeats it has and who do not hold. So a write wakes a few of fifty workers, and most shards stay where they
 * are when a worker comes or goes. It does no harm when workers disagree: a claim is atomic, whoever makes it.
 */
import { Context, Effect, Latch, Layer } from "effect"
import { hashOf } from "../../shared/queue/shards.ts"
import { Settings } from "./settings.ts"
import { Shards } from "./shards.ts"

/** So many serve one shard where there are more workers than shards: more would make small batches. */
const SERVERS_MAX = 4

/** How many of the workers serve one of so many shards. */
export const serversOf = (workers: number, shards: number): number =>
  Math.min(SERVERS_MAX, Math.max(1, Math.ceil(workers / shards)))

/** Whether a worker is among the first `most` for a shard. One that is not among those that are able serves it. */
export const isAmong = (
  shard: string,
  workers: ReadonlyArray<string>,
  worker: string,
  most: number,
): boolean => {
  const rank = (name: string) => hashOf(`${shard}\n${name}`)
  const own = rank(worker)
  const before = workers.filter((other) => {
    const theirs = rank(other)
    return theirs > own || (theirs === own && other > worker)
  })
  return before.length < most || !workers.includes(worker)
}

export class Serving extends Context.Service<
  Serving,
  {
    readonly isServed: Effect.Effect<boolean>
    /** Waits until this worker serves the shard. */
    readonly served: Effect.Effect<void>
    /** These workers are able to write. */
    readonly see: (able: ReadonlyArray<string>) => Effect.Effect<void>
  }
>()("write-buffer/worker/Serving") {
  /** Of a shard by its name; served until something else is known, and no more when its scope ends. */
  static readonly layer = (shard: string) =>
    Layer.effect(
      Serving,
      Effect.gen(function* () {
        const { worker } = yield* Settings
        const shards = yield* Shards
        const gate = yield* Latch.make(true)
        yield* Effect.acquireRelease(shards.serve(shard, true), () => shards.serve(shard, false))
        return Serving.of({
          isServed: Effect.sync(() => gate.isOpen()),
          served: gate.await,
          see: Effect.fnUntraced(function* (able) {
            const isServed = isAmong(
              shard,
              able,
              worker,
              serversOf(able.length, yield* shards.count),
            )
            yield* isServed ? gate.open : gate.close
            yield* shards.serve(shard, isServed)
          }),
        })
      }),
    )
}
