/**
 * What every database does with the rows of other tables and with deletions: `database.test.ts` runs this on
 * memory, `database.integration.test.ts` on PostgreSQL. Each test gets empty tables.
 */
import { Effect } from "effect"
import { expect } from "vitest"
import { DEFAULT_TABLE, type Item } from "../../../shared/item.ts"
import { coalesce } from "../coalesce.ts"
import { Database } from "../database.ts"
import type { Subject } from "./database.suite.ts"
import { DatabaseOutside } from "./database-memory.ts"
import { deletionItem, EVENTS, eventItem, item } from "./kit.ts"

const both = Effect.all({ database: Database, outside: DatabaseOutside })

/** Writes what is left of the items of a key-value batch. */
const storeBatch = Effect.fnUntraced(function* (...items: ReadonlyArray<Item>) {
  const database = yield* Database
  return yield* database.write(DEFAULT_TABLE, coalesce(items).newest)
})

const appends = ({ test }: Subject) => {
  test(
    "each write is a row of its own, with all its columns, also when two are equal",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      const items = [eventItem(5, 1), eventItem(6, 1), eventItem(7, 2)]
      expect(yield* database.write(EVENTS, items)).toBe(3)
      expect(yield* outside.count(EVENTS)).toBe(3)
      for (const { version, write } of items) {
        const row = yield* outside.read(String(version), EVENTS)
        expect([row?.version, row?.write.row]).toEqual([version, write.row])
      }
      expect(yield* outside.read("8", EVENTS)).toBeUndefined()
    }),
  )

  test(
    "a write that is delivered again adds no row and changes none",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      yield* database.write(EVENTS, [eventItem(5), eventItem(6)])
      expect(yield* database.write(EVENTS, [eventItem(5, 99), eventItem(6), eventItem(7)])).toBe(1)
      expect(yield* outside.count(EVENTS)).toBe(3)
      expect((yield* outside.read("5", EVENTS))?.write.row).toEqual(eventItem(5).write.row)
    }),
  )

  test(
    "one table has nothing to do with another: neither its rows nor a version in it",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      yield* database.write(DEFAULT_TABLE, [item("5", 5)])
      yield* database.write(EVENTS, [eventItem(5)])
      expect(yield* outside.read("5")).toEqual(item("5", 5))
      expect([yield* outside.count(DEFAULT_TABLE), yield* outside.count(EVENTS)]).toEqual([1, 1])
    }),
  )

  test(
    "the highest version is that of all tables",
    Effect.gen(function* () {
      const { database } = yield* both
      yield* database.write(DEFAULT_TABLE, [item("a", 5)])
      yield* database.write(EVENTS, [eventItem(7)])
      expect(yield* database.highestVersion).toBe(7)
      yield* database.write(DEFAULT_TABLE, [deletionItem("a", 9)])
      expect(yield* database.highestVersion).toBe(9)
    }),
  )

  test(
    "a probe of each table succeeds and writes nothing",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      for (const table of [DEFAULT_TABLE, EVENTS]) {
        yield* database.probeTable(table)
        expect(yield* outside.count(table)).toBe(0)
      }
    }),
  )

  test(
    "a rehearsal needs a row of that table, and leaves every row as it is",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      yield* database.write(DEFAULT_TABLE, [item("a", 5)])
      expect(yield* database.rehearse(EVENTS, "")).toBe(false)
      yield* database.write(EVENTS, [eventItem(6), eventItem(7)])
      for (const preferred of ["", "6", "99"]) {
        expect(yield* database.rehearse(EVENTS, preferred)).toBe(true)
      }
      expect(yield* outside.count(EVENTS)).toBe(2)
      expect(yield* database.highestVersion).toBe(7)
    }),
  )
}

const deletes = ({ test }: Subject) => {
  test(
    "a deleted row is gone, an older write never brings it back, and a newer one does",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      yield* database.write(DEFAULT_TABLE, [item("a", 5), item("b", 6)])
      expect(yield* database.write(DEFAULT_TABLE, [deletionItem("a", 8)])).toBe(1)
      expect(yield* outside.read("a")).toBeUndefined()
      expect(yield* outside.read("b")).toEqual(item("b", 6))
      expect(yield* database.write(DEFAULT_TABLE, [item("a", 7)])).toBe(0)
      expect(yield* outside.read("a")).toBeUndefined()
      expect(yield* database.write(DEFAULT_TABLE, [item("a", 9)])).toBe(1)
      expect(yield* outside.read("a")).toEqual(item("a", 9))
    }),
  )

  test(
    "a deletion that is older than the row, or delivered again, changes nothing",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      yield* database.write(DEFAULT_TABLE, [item("a", 5)])
      expect(yield* database.write(DEFAULT_TABLE, [deletionItem("a", 4)])).toBe(0)
      expect(yield* outside.read("a")).toEqual(item("a", 5))
      expect(yield* database.write(DEFAULT_TABLE, [deletionItem("a", 6)])).toBe(1)
      expect(yield* database.write(DEFAULT_TABLE, [deletionItem("a", 6)])).toBe(0)
      expect(yield* outside.count(DEFAULT_TABLE)).toBe(1)
    }),
  )

  test(
    "a deletion of a row that never was keeps older writes of its key out",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      yield* database.write(DEFAULT_TABLE, [deletionItem("a", 5)])
      expect(yield* outside.read("a")).toBeUndefined()
      yield* database.write(DEFAULT_TABLE, [item("a", 4)])
      expect(yield* outside.read("a")).toBeUndefined()
      yield* database.write(DEFAULT_TABLE, [item("a", 6)])
      expect(yield* outside.read("a")).toEqual(item("a", 6))
    }),
  )

  test(
    "of the deletions and writes of a key in one batch the newest counts",
    Effect.gen(function* () {
      const { outside } = yield* both
      const batch = [
        ...[item("gone", 1), deletionItem("back", 2), item("back", 3), deletionItem("gone", 4)],
        ...[item("other", 5), deletionItem("back", 1)],
      ]
      expect(yield* storeBatch(...batch)).toBe(3)
      expect(yield* outside.read("gone")).toBeUndefined()
      expect(yield* outside.read("back")).toEqual(item("back", 3))
      expect(yield* outside.read("other")).toEqual(item("other", 5))
      yield* storeBatch(deletionItem("other", 6), item("gone", 7), deletionItem("back", 7))
      expect(yield* outside.read("other")).toBeUndefined()
      expect(yield* outside.read("gone")).toEqual(item("gone", 7))
      expect(yield* outside.read("back")).toBeUndefined()
    }),
  )

  test(
    "a row that is gone is none to rehearse with",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      yield* database.write(DEFAULT_TABLE, [deletionItem("a", 5)])
      expect(yield* database.rehearse(DEFAULT_TABLE, "a")).toBe(false)
      yield* database.write(DEFAULT_TABLE, [item("b", 6)])
      expect(yield* database.rehearse(DEFAULT_TABLE, "a")).toBe(true)
      expect(yield* outside.read("a")).toBeUndefined()
      expect(yield* outside.read("b")).toEqual(item("b", 6))
    }),
  )
}

export const tablesSuite = (subject: Subject) => {
  appends(subject)
  deletes(subject)
}
