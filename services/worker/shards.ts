/**
 * What the pipelines of all shards share: the slots of WORKER_CONCURRENCY batches, and what is known of one
 * another. The more shards a worker serves, the longer each of them lets writes gather, so that a batch costs no more
 * of them than with one shard.
 */
import { Context, Effect, Layer, Semaphore } from "effect"
import type { Queue } from "./queue.ts"
import { Settings } from "./settings.ts"

export class Shards extends Context.Service<
  Shards,
  {
    /** A batch in flight has one of them. */
    readonly slots: Semaphore.Semaphore
    /** How many lists the queue has. */
    readonly count: Effect.Effect<number>
    /** How many of them this worker serves; at least one. */
    readonly served: Effect.Effect<number>
    readonly serve: (shard: string, isServed: boolean) => Effect.Effect<void>
    /** The queues of all lists; null while one of them is not open. */
    readonly queues: Effect.Effect<ReadonlyArray<Queue["Service"]> | null>
    /** These are all lists. */
    readonly expect: (names: ReadonlyArray<string>) => Effect.Effect<void>
    readonly opened: (shard: string, queue: Queue["Service"]) => Effect.Effect<void>
  }
>()("write-buffer/worker/Shards") {
  static readonly layer = Layer.effect(
    Shards,
    Effect.gen(function* () {
      const { WORKER_CONCURRENCY, WRITE_QUEUE_NAME } = yield* Settings
      const slots = yield* Semaphore.make(WORKER_CONCURRENCY)
      const served = new Set<string>()
      const queues = new Map<string, Queue["Service"]>()
      let names: ReadonlyArray<string> = [WRITE_QUEUE_NAME]

      return Shards.of({
        slots,
        count: Effect.sync(() => names.length),
        served: Effect.sync(() => Math.max(1, served.size)),
        serve: (shard, isServed) =>
          Effect.sync(() => {
            if (isServed) served.add(shard)
            else served.delete(shard)
          }),
        queues: Effect.sync(() => {
          const all = names.flatMap((name) => queues.get(name) ?? [])
          return all.length < names.length ? null : all
        }),
        expect: (all) =>
          Effect.sync(() => {
            names = all
          }),
        opened: (shard, queue) => Effect.sync(() => void queues.set(shard, queue)),
      })
    }),
  )
}
