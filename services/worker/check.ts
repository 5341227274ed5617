/**
 * The check at start: a table that is not as declared is held before the first batch is claimed, so that its
 * writes are parked, and none is buried for what the table lacks. Others flow. The hold's probe checks it again.
 */
import { Context, Effect, Layer } from "effect"
import type { Table } from "../../shared/table/table.ts"
import { TableUnfit } from "../../shared/table/unfit.ts"
import { TABLES } from "../../shared/tables.ts"
import { Database } from "./database.ts"
import { isOfTable } from "./errors.ts"
import { Hold } from "./hold.ts"

/** Of a catalog that cannot be asked the writes themselves tell what is wrong, as far as they meet it. */
const unasked = ({ name }: Table) =>
  Effect.annotateLogs(Effect.logWarning("table not checked"), { table: name })

const checkTable = Effect.fnUntraced(function* (table: Table) {
  const database = yield* Database
  const hold = yield* Hold
  while (true) {
    yield* hold.passed
    const failure = yield* database.check(table).pipe(
      Effect.flatMap((isAsked) => (isAsked ? Effect.void : unasked(table))),
      Effect.as(null),
      Effect.catch(Effect.succeed),
    )
    if (failure === null) return
    if (failure.cause instanceof TableUnfit) return yield* hold.enterTable(table, failure)
    if (isOfTable(failure)) return yield* unasked(table)
    // The database does not answer. Nothing can be claimed either until it does.
    yield* hold.enter(failure)
  }
})

export class Tables extends Context.Service<
  Tables,
  {
    /** Returns when each table is checked, once. It asks catalogs alone: no lock of a table keeps it waiting. */
    readonly checked: Effect.Effect<void>
  }
>()("write-buffer/worker/Tables") {
  static readonly layer = Layer.effect(
    Tables,
    Effect.gen(function* () {
      const context = yield* Effect.context<Database | Hold>()
      const all = Effect.forEach(Object.values<Table>(TABLES), checkTable, { discard: true })
      return Tables.of({ checked: yield* Effect.cached(Effect.provideContext(all, context)) })
    }),
  )
}
