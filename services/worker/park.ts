/**
 * Parks writes: sets those of a batch aside whose table is on hold, or that only a newer build can write, so
 * that the others flow; and puts parked ones back when this worker can write them. A lot is named by what
 * its writes wait for: a table, or a table and a column with a dot between them.
 */
import { Effect } from "effect"
import { OTHERS } from "../../shared/queue/park.ts"
import { type Table, TRACED } from "../../shared/table/table.ts"
import { TABLES } from "../../shared/tables.ts"
import { Hold } from "./hold.ts"
import { type Held, sharesOf } from "./persist.ts"
import { type Batch, Queue } from "./queue.ts"
import { releaseRetry } from "./retry.ts"

/** How many writes one call puts back, and how many calls one heartbeat makes for a lot. */
export const UNPARK_MAX = 1_000
const UNPARK_CALLS_MAX = 1_000

/** The versions that go into each lot. */
type Lots = ReadonlyMap<string, ReadonlyArray<number>>

/** Again as a whole when a reply was lost: what is parked already is in the batch no more. */
const parkLots = Effect.fnUntraced(function* (id: string, lots: Lots) {
  const queue = yield* Queue
  const all = Effect.forEach(lots, ([lot, versions]) => queue.park(id, lot, versions), {
    discard: true,
  })
  yield* Effect.retry(all, releaseRetry)
})

const versionsOf = (items: ReadonlyArray<{ readonly version: number }>) =>
  items.map(({ version }) => version)

/** What a batch is without these tables, and without writes of a newer build; null when that is nothing. */
const without = (batch: Batch, tables: ReadonlySet<Table>): Batch | null => {
  const items = batch.items.filter(({ write }) => !tables.has(write.table))
  return items.length + batch.unreadable.length === 0 ? null : { ...batch, items, unknown: [] }
}

/** Parks what this worker cannot write now. Returns what is left of the batch, null when that is nothing. */
export const parkUnwritable = Effect.fnUntraced(function* (batch: Batch) {
  const hold = yield* Hold
  const lots = new Map<string, number[]>()
  for (const { lot, version } of batch.unknown) {
    const versions = lots.get(lot)
    if (versions) versions.push(version)
    else lots.set(lot, [version])
  }
  const tables = new Set<Table>()
  for (const { table, items } of sharesOf(batch.items)) {
    if ((yield* hold.stateOf(table)) !== "held") continue
    tables.add(table)
    lots.set(table.name, versionsOf(items))
  }
  if (lots.size === 0) return batch
  yield* parkLots(batch.id, lots)
  return without(batch, tables)
})

/** Parks the writes of tables that could not be written, after their holds have begun; returns the rest. */
export const parkHeld = Effect.fnUntraced(function* (batch: Batch, held: ReadonlyArray<Held>) {
  const hold = yield* Hold
  for (const { table, error } of held) yield* hold.enterTable(table, error)
  const lots = new Map(held.map(({ table, items }) => [table.name, versionsOf(items)]))
  yield* parkLots(batch.id, lots)
  return without(batch, new Set(held.map(({ table }) => table)))
})

/** The table of a lot whose writes this worker knows. */
const tableOf = (lot: string): Table | undefined => {
  const [name = "", column] = lot.split(".")
  const tables: Readonly<Record<string, Table>> = TABLES
  const table = Object.hasOwn(tables, name) ? tables[name] : undefined
  if (table === undefined || column === undefined) return table
  const isKnown = column === "deleted_at" ? table.deletes : Object.hasOwn(table.columns, column)
  return isKnown ? table : undefined
}

/** Puts the writes of a lot back, as long as their table may be written. */
const unparkLot = Effect.fnUntraced(function* (lot: string, table: Table) {
  const queue = yield* Queue
  const hold = yield* Hold
  for (let call = 0; call < UNPARK_CALLS_MAX; call += 1) {
    const state = yield* hold.stateOf(table)
    if (state === "held") break
    const count = yield* queue.unpark(lot, UNPARK_MAX)
    if (count < UNPARK_MAX || state === "tried") break
  }
})

/**
 * Puts the writes of these lots back that this worker can write. Of a table that was refused all rows and
 * is tried again, a few: they show whether it takes rows.
 */
export const unpark = Effect.fnUntraced(function* (lots: ReadonlyArray<string>) {
  const queue = yield* Queue
  const hold = yield* Hold
  const parked = new Set<Table>()
  for (const lot of lots) {
    // Nobody knows what for they wait: some of them are looked at again each time.
    // What carries its trace is of no table to an older build, which has parked it whatever it writes.
    if (lot === OTHERS || lot === TRACED) yield* queue.unpark(lot, UNPARK_MAX)
    const table = tableOf(lot)
    if (table === undefined) continue
    parked.add(table)
    yield* unparkLot(lot, table)
  }
  yield* hold.review(Object.values<Table>(TABLES).filter((table) => !parked.has(table)))
})
