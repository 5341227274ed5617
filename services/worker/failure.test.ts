/** How a delivery answers each error of the database that is not a row's fault. */
import { describe, expect } from "@effect/vitest"
import { Clock, Effect, Fiber, Ref } from "effect"
import { TestClock } from "effect/testing"
import { DEFAULT_TABLE, type Item } from "../../shared/item.ts"
import { ClaimSize } from "./claim/claim-size.ts"
import type { BatchFailed } from "./errors.ts"
import { persist } from "./persist.ts"
import { DatabaseFaults, DatabaseOutside, reject } from "./testing/database-memory.ts"
import {
  away,
  batchOf,
  deadlock,
  item,
  locked,
  manyItems,
  noLogin,
  noTable,
  slow,
  test,
} from "./testing/kit.ts"

const rows = (count: number) => batchOf(...manyItems(count))

/** Fails the next statements with these errors, one each, and notes when each came. */
const failNext = Effect.fnUntraced(function* (...errors: ReadonlyArray<BatchFailed>) {
  const faults = yield* DatabaseFaults
  const left = [...errors]
  const times = yield* Ref.make<ReadonlyArray<number>>([])
  yield* faults.onWrite(
    Effect.fnUntraced(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* Ref.update(times, (before) => [...before, now])
      const error = left.shift()
      if (error) yield* error
    }),
  )
  return Ref.get(times)
})

const gaps = (times: ReadonlyArray<number>) =>
  times.slice(1).map((time, i) => time - (times[i] as number))

describe("BatchFailed", () => {
  test(
    "is retried after about 1, 2 and 4 s, and the fourth try may still succeed",
    Effect.gen(function* () {
      const times = yield* failNext(deadlock, deadlock, deadlock)
      const fiber = yield* Effect.forkChild(persist(rows(3)))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(fiber)).toEqual({ coalesced: 0, dead: [], held: [] })
      const waits = gaps(yield* times)
      expect(waits).toHaveLength(3)
      for (const [i, wait] of waits.entries()) {
        expect(wait).toBeGreaterThanOrEqual(800 * 2 ** i)
        expect(wait).toBeLessThanOrEqual(1_200 * 2 ** i)
      }
    }),
  )

  test(
    "fails the batch when MAX_RETRIES are used up, and nothing is buried",
    Effect.gen(function* () {
      const times = yield* failNext(deadlock, deadlock, deadlock, deadlock)
      const fiber = yield* Effect.forkChild(Effect.flip(persist(rows(3))))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(fiber)).toBe(deadlock)
      expect(yield* times).toHaveLength(4)
    }),
  )

  test(
    "fails the batch at once when MAX_RETRIES is 0",
    Effect.gen(function* () {
      const times = yield* failNext(deadlock)
      expect(yield* Effect.flip(persist(rows(3)))).toBe(deadlock)
      expect(yield* times).toEqual([0])
    }),
    { MAX_RETRIES: 0 },
  )
})

describe("DatabaseUnavailable and DatabaseMisconfigured", () => {
  for (const error of [away, noLogin]) {
    test(
      `${error._tag} stops the batch at once: no retry, no halving, nobody dies`,
      Effect.gen(function* () {
        const faults = yield* DatabaseFaults
        yield* faults.onWrite(() => error)
        expect(yield* Effect.flip(persist(rows(8)))).toBe(error)
        expect(yield* faults.count("write")).toBe(1)
      }),
    )

    test(
      `${error._tag} amid the halving leaves everything to the next time`,
      Effect.gen(function* () {
        const faults = yield* DatabaseFaults
        let statements = 0
        yield* faults.onWrite((items: ReadonlyArray<Item>) => {
          statements += 1
          if (statements > 4) return error
          return items.some(({ version }) => version === 1) ? reject("23514") : Effect.void
        })
        expect(yield* Effect.flip(persist(rows(8)))).toBe(error)
        expect(statements).toBe(5)
      }),
    )
  }
})

describe("an error of the table", () => {
  for (const error of [noTable, locked]) {
    test(
      `${error._tag} holds the table at once: no retry, no halving, nobody dies`,
      Effect.gen(function* () {
        const faults = yield* DatabaseFaults
        yield* faults.onWrite(() => error)
        const batch = rows(8)
        const held = [{ table: DEFAULT_TABLE, items: batch.items, error }]
        expect(yield* persist(batch)).toEqual({ coalesced: 0, dead: [], held })
        expect(yield* faults.count("write")).toBe(1)
      }),
    )

    test(
      `${error._tag} amid the halving leaves all rows of the table to the next time`,
      Effect.gen(function* () {
        const faults = yield* DatabaseFaults
        let statements = 0
        yield* faults.onWrite((items: ReadonlyArray<Item>) => {
          statements += 1
          if (statements > 4) return error
          return items.some(({ version }) => version === 1) ? reject("23514") : Effect.void
        })
        const { dead, held } = yield* persist(rows(8))
        expect(dead).toEqual([])
        expect(held).toMatchObject([{ items: { length: 8 } }])
        expect(statements).toBe(5)
      }),
    )
  }
})

describe("SQLSTATE 57014", () => {
  /** More rows than this in one statement are too slow. */
  const slowAbove = (limit: number) => (items: ReadonlyArray<Item>) =>
    items.length > limit ? slow : Effect.void

  test(
    "halves the statement and the next claim, without waiting",
    Effect.gen(function* () {
      const faults = yield* DatabaseFaults
      yield* faults.onWrite(slowAbove(500))
      expect(yield* persist(rows(1_000))).toEqual({ coalesced: 0, dead: [], held: [] })
      expect((yield* faults.statements).map(({ length }) => length)).toEqual([1_000, 500, 500])
      expect(yield* Clock.currentTimeMillis).toBe(0)
      expect(yield* (yield* ClaimSize).size).toBeLessThan(1_000)
      expect(yield* (yield* ClaimSize).size).toBeGreaterThanOrEqual(500)
    }),
  )

  test(
    "halves again and again, and stores every row",
    Effect.gen(function* () {
      const faults = yield* DatabaseFaults
      const outside = yield* DatabaseOutside
      yield* faults.onWrite(slowAbove(30))
      yield* persist(rows(1_000))
      for (let i = 0; i < 1_000; i++) expect(yield* outside.read(`key ${i}`)).toBeDefined()
      expect(yield* (yield* ClaimSize).size).toBeLessThan(100)
    }),
  )

  test(
    "of a row alone is retried like any other failure, then holds its table",
    Effect.gen(function* () {
      const faults = yield* DatabaseFaults
      yield* faults.onWrite(slowAbove(0))
      const fiber = yield* Effect.forkChild(persist(rows(2)))
      yield* TestClock.adjust("20 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ dead: [], held: [{ error: slow }] })
      expect((yield* faults.statements).map(({ length }) => length)).toEqual([2, 1, 1, 1, 1])
    }),
  )

  test(
    "is forgotten: the claim grows back to BATCH_MAX, also when all writes have one key",
    Effect.gen(function* () {
      const faults = yield* DatabaseFaults
      const claimSize = yield* ClaimSize
      yield* claimSize.shrink(10)
      expect(yield* claimSize.size).toBe(5)
      for (let size = 5; size < 1_000; size = yield* claimSize.size) {
        yield* persist(batchOf(...Array.from({ length: size }, (_, i) => item("hot", i))))
        expect(yield* claimSize.size).toBeGreaterThan(size)
      }
      expect(yield* faults.count("write")).toBeLessThan(30)
    }),
  )
})
