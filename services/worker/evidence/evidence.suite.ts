/**
 * Which rows a delivery buries and which it does not, where SQLSTATE does not say whose fault it is.
 * `evidence.test.ts` runs this on memory, `evidence.integration.test.ts` on PostgreSQL.
 */
import { Effect } from "effect"
import { expect } from "vitest"
import type { Item } from "../../../shared/item.ts"
import { Database } from "../database.ts"
import { persist } from "../persist.ts"
import type { Batch } from "../queue.ts"
import {
  Breaking,
  CHANGES,
  OF_ROWS,
  OF_TABLES,
  type RowCode,
  type TableCode,
} from "../testing/breaking.ts"
import { DatabaseOutside } from "../testing/database-memory.ts"
import { batchOf, item, keyOf } from "../testing/kit.ts"

type Services = Effect.Services<ReturnType<typeof persist>> | Database | DatabaseOutside | Breaking

export interface Subject {
  readonly test: (sentence: string, effect: Effect.Effect<void, unknown, Services>) => void
}

const good = (count: number, from = 1, prefix = "good") =>
  Array.from({ length: count }, (_, i) => item(`${prefix} ${i}`, from + i))

export const deadOf = ({ dead }: { readonly dead: ReadonlyArray<string> }) =>
  dead.map((letter) => JSON.parse(letter))

const versionsOf = (persisted: { readonly dead: ReadonlyArray<string> }) =>
  deadOf(persisted)
    .map(({ version }) => version)
    .sort((a, b) => a - b)

const stored = Effect.fnUntraced(function* (items: ReadonlyArray<Item>) {
  const outside = yield* DatabaseOutside
  for (const each of items) expect(yield* outside.read(keyOf(each))).toEqual(each)
})

const absent = Effect.fnUntraced(function* (items: ReadonlyArray<Item>) {
  const outside = yield* DatabaseOutside
  for (const each of items) expect(yield* outside.read(keyOf(each))).toBeUndefined()
})

/** What a delivery says that stored all its rows. */
export const NOTHING_TO_SAY = { coalesced: 0, dead: [], held: [] }

/** Holds the table without a word about any row. */
export const isHeld = Effect.fnUntraced(function* (batch: Batch, sqlstate: string) {
  const { held, dead } = yield* persist(batch)
  expect(dead).toEqual([])
  expect(held).toMatchObject([{ error: { sqlstate } }])
})

const oneBadRow = ({ test }: Subject) => {
  for (const [code, what] of Object.entries(OF_ROWS) as Array<[RowCode, string]>) {
    for (const key of ["a bad one", "m bad one", "z bad one"]) {
      test(
        `${what} (${code}) refuses one of many: ${key.slice(0, 1)} alone is buried`,
        Effect.gen(function* () {
          const { rows } = yield* Breaking
          yield* rows(code, "bad")
          const others = good(20)
          const persisted = yield* persist(batchOf(...others, item(key, 99, "bad")))
          expect(deadOf(persisted)).toMatchObject([{ key, version: 99, sqlstate: code }])
          expect(deadOf(persisted)[0].reason).toContain(`(SQLSTATE ${code})`)
          yield* stored(others)
        }),
      )
    }

    test(
      `${what} (${code}) refuses all: none is buried, and all are stored after the repair`,
      Effect.gen(function* () {
        const { rows, mend } = yield* Breaking
        yield* persist(batchOf(...good(5, 1, "before")))
        yield* rows(code, null)
        const batch = batchOf(...good(20, 10))
        yield* isHeld(batch, code)
        yield* isHeld(batchOf(item("single", 50)), code)
        yield* absent(batch.items)
        yield* mend
        expect(yield* persist(batch)).toEqual(NOTHING_TO_SAY)
        expect(yield* persist(batchOf(item("single", 50)))).toEqual(NOTHING_TO_SAY)
        yield* stored(batch.items)
      }),
    )
  }
}

const wholeTable = ({ test }: Subject) => {
  for (const [code, what] of Object.entries(OF_TABLES) as Array<[TableCode, string]>) {
    test(
      `${what} (${code}): none is buried, of many or of a single row, though others were stored before`,
      Effect.gen(function* () {
        const { table, mend } = yield* Breaking
        yield* persist(batchOf(...good(5, 1, "before")))
        yield* table(code)
        const batch = batchOf(...good(20, 10))
        yield* isHeld(batch, code)
        yield* isHeld(batchOf(item("single", 50)), code)
        yield* mend
        expect(yield* persist(batch)).toEqual(NOTHING_TO_SAY)
        yield* stored(batch.items)
      }),
    )
  }
}

const manyBadRows = ({ test }: Subject) => {
  test(
    "rows of several kinds in one batch are buried, each with its own code, and the others stored",
    Effect.gen(function* () {
      const { rows } = yield* Breaking
      yield* rows("P0001", "raised")
      yield* rows("42883", "missing")
      const others = good(20)
      const bad = [
        ...[item("h", 90, "raised"), item("i", 91, "missing"), item("j", 92, "nul\0")],
        ...[item("x", 93, "missing"), item("y", 94, "raised")],
      ]
      const persisted = yield* persist(batchOf(...others, ...bad))
      const codes = Object.fromEntries(
        deadOf(persisted).map(({ version, sqlstate }) => [version, sqlstate]),
      )
      expect(codes).toEqual({ 90: "P0001", 91: "42883", 92: "22021", 93: "42883", 94: "P0001" })
      yield* stored(others)
    }),
  )

  test(
    "every write of a kind is refused, and they are the most: they are buried, the others stored",
    Effect.gen(function* () {
      const { rows } = yield* Breaking
      yield* rows("P0001", "bad")
      const bad = Array.from({ length: 60 }, (_, i) => item(`order ${i}`, 100 + i, "bad"))
      for (const others of [good(10, 1, "a"), good(10, 20, "z")]) {
        const persisted = yield* persist(batchOf(...others, ...bad))
        expect(versionsOf(persisted)).toEqual(bad.map(({ version }) => version))
        yield* stored(others)
      }
    }),
  )

  test(
    "two bad writes of a key are both buried, and the good one before them is its row",
    Effect.gen(function* () {
      const { rows } = yield* Breaking
      yield* rows("P0001", "bad")
      const others = good(10)
      const hot = [item("hot", 50), item("hot", 51, "bad"), item("hot", 52, "bad")]
      const persisted = yield* persist(batchOf(...others, ...hot))
      expect(versionsOf(persisted)).toEqual([51, 52])
      yield* stored([...others, hot[0] as Item])
    }),
  )
}

const evidenceItself = ({ test }: Subject) => {
  test(
    "a bad row alone is not buried until another batch stores a row; then it is",
    Effect.gen(function* () {
      const { rows } = yield* Breaking
      yield* rows("P0001", "bad")
      const bad = batchOf(item("bad", 1, "bad"))
      yield* isHeld(bad, "P0001")
      yield* persist(batchOf(item("good", 2)))
      expect(versionsOf(yield* persist(bad))).toEqual([1])
    }),
  )

  test(
    "rows that were there already are no evidence: they wake no trigger that the others do",
    Effect.gen(function* () {
      const { changes, mend } = yield* Breaking
      const there = good(5)
      yield* persist(batchOf(...there))
      yield* changes("insert or update")
      const batch = batchOf(...there, ...good(5, 10, "new"))
      yield* isHeld(batch, "P0001")
      yield* mend
      expect(yield* persist(batch)).toEqual(NOTHING_TO_SAY)
    }),
  )

  for (const change of CHANGES) {
    test(
      `a table that refuses every ${change} buries neither new rows nor changed ones`,
      Effect.gen(function* () {
        const { changes, mend } = yield* Breaking
        yield* persist(batchOf(...good(5)))
        yield* changes(change)
        const batch = change === "update" ? batchOf(...good(5, 10)) : batchOf(...good(5, 10, "new"))
        yield* isHeld(batch, "P0001")
        yield* isHeld(batchOf(batch.items[0] as Item), "P0001")
        yield* mend
        expect(yield* persist(batch)).toEqual(NOTHING_TO_SAY)
      }),
    )
  }

  test(
    "a bad row alone is buried at once where the table takes a row that it has, and that row stays",
    Effect.gen(function* () {
      const { rows } = yield* Breaking
      const there = good(3)
      yield* persist(batchOf(...there))
      yield* rows("P0001", "bad")
      expect(versionsOf(yield* persist(batchOf(item("bad", 9, "bad"))))).toEqual([9])
      yield* stored(there)
      const database = yield* Database
      expect(yield* database.highestVersion).toBe(3)
    }),
  )
}

export const evidenceSuite = (subject: Subject) => {
  for (const part of [oneBadRow, wholeTable, manyBadRows, evidenceItself]) part(subject)
}
