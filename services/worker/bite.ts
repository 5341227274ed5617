/**
 * How many writes are claimed at once: BATCH_MAX, less while the database is too slow for that many in
 * one statement. Halved when a statement times out, and grown again by a quarter by each that does not.
 */
import { Context, Effect, Layer, Ref } from "effect"
import { Settings } from "./settings.ts"

export class Bite extends Context.Service<
  Bite,
  {
    readonly size: Effect.Effect<number>
    /** `rows` took too long. */
    readonly shrink: (rows: number) => Effect.Effect<void>
    /** `rows` were written in time. */
    readonly grow: (rows: number) => Effect.Effect<void>
  }
>()("write-buffer/worker/Bite") {
  static readonly layer = Layer.effect(
    Bite,
    Effect.gen(function* () {
      const { BATCH_MAX } = yield* Settings
      const size = yield* Ref.make(BATCH_MAX)
      return Bite.of({
        size: Ref.get(size),
        shrink: (rows) =>
          Ref.update(size, (now) => Math.max(1, Math.floor(Math.min(now, rows) / 2))),
        grow: (rows) =>
          Ref.update(size, (now) =>
            // Less than a full bite proves nothing about a larger one.
            rows < now ? now : Math.min(BATCH_MAX, Math.ceil(now * 1.25)),
          ),
      })
    }),
  )
}
