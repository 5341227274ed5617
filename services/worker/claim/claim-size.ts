/**
 * How many writes are claimed at once: BATCH_MAX, less while the database is too slow for that many in
 * one statement. Halved when a statement times out, and grown again by a quarter by each full batch.
 */
import { Context, Effect, Layer, Ref } from "effect"
import { Settings } from "../settings.ts"

export class ClaimSize extends Context.Service<
  ClaimSize,
  {
    readonly size: Effect.Effect<number>
    /** A statement of so many rows took too long. */
    readonly shrink: (rows: number) => Effect.Effect<void>
    /** A batch of so many writes was written in time. */
    readonly grow: (writes: number) => Effect.Effect<void>
  }
>()("write-buffer/worker/ClaimSize") {
  static readonly layer = Layer.effect(
    ClaimSize,
    Effect.gen(function* () {
      const { BATCH_MAX } = yield* Settings
      const size = yield* Ref.make(BATCH_MAX)
      return ClaimSize.of({
        size: Ref.get(size),
        shrink: (rows) =>
          Ref.update(size, (now) => Math.max(1, Math.floor(Math.min(now, rows) / 2))),
        grow: (writes) =>
          Ref.update(size, (now) =>
            // Less than a full claim proves nothing about a larger one.
            writes < now ? now : Math.min(BATCH_MAX, Math.ceil(now * 1.25)),
          ),
      })
    }),
  )
}
