/**
 * Evidence: when PostgreSQL has stored a row for the last time. Where a SQLSTATE does not say whether
 * a row is bad or the database is (a trigger's exception, a missing function or right), it decides: a
 * table that takes other rows is in order. Only this worker's own statements count.
 */
import { Context, Effect, Latch, Layer, type Option, Semaphore } from "effect"
import type { Item } from "../../../shared/item.ts"
import { Database } from "../database.ts"
import type { WriteError } from "../errors.ts"
import { WAITING_BATCHES_MAX } from "../settings.ts"

export class Evidence extends Context.Service<
  Evidence,
  {
    /** Stores all items or none, like the database, and remembers what was stored. */
    readonly write: (items: ReadonlyArray<Item>) => Effect.Effect<void, WriteError>
    /** This moment, to be asked about later. */
    readonly now: Effect.Effect<number>
    /** Whether a statement that began after the moment has stored a row. */
    readonly since: (moment: number) => Effect.Effect<boolean>
    /** Returns when one has. */
    readonly wait: (moment: number) => Effect.Effect<void>
    /** An item that was stored last: written again it changes nothing, and shows whether it still could. */
    readonly witness: Effect.Effect<Item | null>
    /** Runs a wait for evidence; none when WAITING_BATCHES_MAX batches wait already. */
    readonly waiting: <A, E, R>(
      use: Effect.Effect<A, E, R>,
    ) => Effect.Effect<Option.Option<A>, E, R>
  }
>()("write-buffer/worker/Evidence") {
  static readonly layer = Layer.effect(
    Evidence,
    Effect.gen(function* () {
      const database = yield* Database
      const places = yield* Semaphore.make(WAITING_BATCHES_MAX)
      // Moments are counted, not timed: what matters is which of two came first.
      let moment = 0
      let stored = 0
      let witness: Item | null = null
      let news = Latch.makeUnsafe()

      const wait = (asked: number): Effect.Effect<void> =>
        Effect.suspend(() =>
          stored > asked ? Effect.void : Effect.andThen(news.await, wait(asked)),
        )

      return Evidence.of({
        write: (items) =>
          Effect.suspend(() => {
            const began = ++moment
            return Effect.flatMap(database.write(items), (rows) => {
              // A row that was there already proves nothing: no trigger for what is stored has seen it.
              if (rows === 0) return Effect.void
              stored = Math.max(stored, began)
              witness = items[0] ?? null
              const told = news
              news = Latch.makeUnsafe()
              return Effect.asVoid(told.open)
            })
          }),
        now: Effect.sync(() => ++moment),
        since: (asked) => Effect.sync(() => stored > asked),
        wait,
        witness: Effect.sync(() => witness),
        waiting: places.withPermitsIfAvailable(1),
      })
    }),
  )
}
