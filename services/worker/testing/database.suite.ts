/**
 * What every database does with writes. `database.test.ts` runs this on memory,
 * `database.integration.test.ts` on PostgreSQL. Each test gets empty tables.
 */
import { Effect } from "effect"
import { expect } from "vitest"
import { DEFAULT_TABLE } from "../../../shared/item.ts"
import { TABLE } from "../../../shared/testing/table.ts"
import { Database } from "../database.ts"
import { DatabaseOutside } from "./database-memory.ts"
import { item, keyOf } from "./kit.ts"

export interface Subject {
  readonly test: (
    sentence: string,
    effect: Effect.Effect<void, unknown, Database | DatabaseOutside>,
  ) => void
}

const both = Effect.all({ database: Database, outside: DatabaseOutside })

/** Texts that a driver, an array literal, a JSON object or a template could take for something else. */
const ODD = [
  ...[
    "__proto__",
    "constructor",
    "NULL",
    "null",
    "{}",
    "{a,b}",
    "[1]",
    '"',
    "'",
    "''",
    "\\",
    "\\N",
  ],
  ...["$1", "%s", "--", ";", ",", " ", "\n", "\r\n", "\t", "\u0001", "\u007f", "\u2028", "\ufeff"],
  ...[
    "é",
    "e\u0301",
    "🙂",
    "👩‍👩‍👧",
    "\uffff",
    "\u{10ffff}",
    "a".repeat(1_024),
    `'); drop table ${TABLE}`,
  ],
]

export const databaseSuite = ({ test }: Subject) => {
  test(
    "a write is stored, a newer one replaces it, and an older or equal one changes nothing",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      yield* database.write(DEFAULT_TABLE, [item("a", 5)])
      yield* database.write(DEFAULT_TABLE, [item("a", 7)])
      expect(yield* outside.read("a")).toEqual(item("a", 7))
      yield* database.write(DEFAULT_TABLE, [item("a", 6), item("b", 6)])
      yield* database.write(DEFAULT_TABLE, [item("a", 7, "the same version again")])
      expect(yield* outside.read("a")).toEqual(item("a", 7))
      expect(yield* outside.read("b")).toEqual(item("b", 6))
      expect(yield* outside.read("c")).toBeUndefined()
    }),
  )

  test(
    "a probe succeeds and writes nothing, and so does a write of nothing",
    Effect.gen(function* () {
      const { database } = yield* both
      yield* database.probe
      yield* database.write(DEFAULT_TABLE, [])
      expect(yield* database.highestVersion).toBe(0)
    }),
  )

  test(
    "a rehearsal needs a row, of that key or of any other, and leaves every row as it is",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      expect(yield* database.rehearse(DEFAULT_TABLE, "a")).toBe(false)
      yield* database.write(DEFAULT_TABLE, [item("a", 5), item("b", 7)])
      for (const key of ["a", "gone", ""])
        expect(yield* database.rehearse(DEFAULT_TABLE, key)).toBe(true)
      expect(yield* outside.read("a")).toEqual(item("a", 5))
      expect(yield* outside.read("gone")).toBeUndefined()
      expect(yield* database.highestVersion).toBe(7)
    }),
  )

  test(
    "the highest version is that of the newest row, exact to the last digit",
    Effect.gen(function* () {
      const { database } = yield* both
      const newest = Number.MAX_SAFE_INTEGER
      yield* database.write(DEFAULT_TABLE, [
        item("a", 1_795_327_495_123_457),
        item("b", newest),
        item("c", 3),
      ])
      expect(yield* database.highestVersion).toBe(newest)
    }),
  )

  test(
    "odd keys and values come back byte for byte",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      const items = ODD.map((text, i) => item(text, i + 1, text))
      yield* database.write(DEFAULT_TABLE, [...items, item("empty", 99, "")])
      for (const each of items) expect(yield* outside.read(keyOf(each))).toEqual(each)
      expect(yield* outside.read("empty")).toEqual(item("empty", 99, ""))
    }),
  )

  for (const bad of [item("nul\0", 2), item("a", 2, "\0")]) {
    test(
      `U+0000 in a ${bad.write.row.key === "a" ? "value" : "key"} rejects the write, and all beside it`,
      Effect.gen(function* () {
        const { database, outside } = yield* both
        expect(
          yield* Effect.flip(database.write(DEFAULT_TABLE, [item("good", 1), bad])),
        ).toMatchObject({
          _tag: "WriteRejected",
          sqlstate: "22021",
        })
        expect(yield* outside.read("good")).toBeUndefined()
        yield* database.write(DEFAULT_TABLE, [item("good", 1)])
      }),
    )
  }

  test(
    "a key twice in one statement is rejected, so halving would part the two",
    Effect.gen(function* () {
      const { database } = yield* both
      expect(
        yield* Effect.flip(database.write(DEFAULT_TABLE, [item("a", 1), item("a", 2)])),
      ).toMatchObject({
        _tag: "WriteRejected",
        sqlstate: "21000",
      })
    }),
  )

  test(
    "ten thousand rows are written by one statement",
    Effect.gen(function* () {
      const { database, outside } = yield* both
      const items = Array.from({ length: 10_000 }, (_, i) => item(`key ${i}`, i + 1))
      yield* database.write(DEFAULT_TABLE, items)
      yield* database.write(DEFAULT_TABLE, items)
      expect(yield* outside.read("key 9999")).toEqual(items[9_999])
      expect(yield* database.highestVersion).toBe(10_000)
    }),
  )
}
