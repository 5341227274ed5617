/**
 * Evidence: whether the table takes rows. Where a SQLSTATE does not say whether a row is bad or the
 * database is (a trigger's exception, a missing function or right), it decides: a table that takes a row
 * which it has taken before is in order.
 */
import { Context, Effect, Layer, type Option, Semaphore } from "effect"
import type { Item } from "../../../shared/item.ts"
import type { Table } from "../../../shared/table/table.ts"
import { identity } from "../../../shared/write.ts"
import { Database } from "../database.ts"
import type { WriteError } from "../errors.ts"
import { WAITING_BATCHES_MAX } from "../settings.ts"

export class Evidence extends Context.Service<
  Evidence,
  {
    /** Stores all items or none, like the database, and remembers what was stored. */
    readonly write: (table: Table, items: ReadonlyArray<Item>) => Effect.Effect<void, WriteError>
    /**
     * Writes the row that was stored last once more, and undoes it. Fails as a write would; false when
     * there is no row to do it with.
     */
    readonly rehearse: (table: Table) => Effect.Effect<boolean, WriteError>
    /** Runs what takes a while; none when WAITING_BATCHES_MAX batches do already. */
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
      /** By table: the key of a row that was stored; "" for the newest row, where rows have no key. */
      const witnesses = new Map<Table, string>()

      return Evidence.of({
        write: (table, items) =>
          Effect.map(database.write(table, items), (rows) => {
            // A row that was there already may be one that the table would not take any more.
            const [item] = items
            // One version above an appended row there is mostly another, and nothing would be rehearsed.
            if (rows > 0 && item) witnesses.set(table, identity(item.write) ?? "")
          }),
        rehearse: (table) =>
          Effect.suspend(() => database.rehearse(table, witnesses.get(table) ?? "")),
        waiting: places.withPermitsIfAvailable(1),
      })
    }),
  )
}
