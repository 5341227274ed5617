import { describe, expect } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Item } from "../../shared/item.ts"
import { ClaimSize } from "./claim/claim-size.ts"
import { persist } from "./persist.ts"
import { DatabaseFaults, DatabaseOutside, reject } from "./testing/database-memory.ts"
import { batchOf, deadOf, EVENTS, eventItem, item, keyOf, test } from "./testing/kit.ts"

/** Every statement with a row whose key begins with "bad" is refused. */
const refuseBad = (items: ReadonlyArray<Item>) =>
  items.some((each) => keyOf(each).startsWith("bad")) ? reject("23514") : Effect.void

const database = Effect.all({ faults: DatabaseFaults, outside: DatabaseOutside })

describe("persist", () => {
  test(
    "writes the newest of each key in one statement, sorted",
    Effect.gen(function* () {
      const { faults, outside } = yield* database
      const batch = batchOf(item("b", 1), item("c", 2), item("b", 3), item("a", 4), item("b", 5))
      expect(yield* persist(batch)).toEqual({ coalesced: 2, dead: [], held: [] })
      expect(yield* faults.statements).toEqual([[4, 5, 2]])
      expect(yield* outside.read("b")).toEqual(item("b", 5))
    }),
  )

  test(
    "halves a rejected batch until the bad rows stand alone, and stores the good ones",
    Effect.gen(function* () {
      const { faults, outside } = yield* database
      yield* faults.onWrite(refuseBad)
      yield* TestClock.setTime(Date.parse("2026-11-22T10:00:00Z"))
      const good = Array.from({ length: 62 }, (_, i) => item(`key ${i}`, i + 1))
      const { coalesced, dead } = yield* persist(
        batchOf(...good, item("bad 1", 98), item("bad 2", 99)),
      )
      expect(coalesced).toBe(0)
      expect(deadOf({ dead })).toEqual(
        [98, 99].map((version, i) => ({
          version,
          key: `bad ${i + 1}`,
          value: `bad ${i + 1}${version}`,
          reason: "violates a check constraint (SQLSTATE 23514)",
          sqlstate: "23514",
          at: "2026-11-22T10:00:00.000Z",
        })),
      )
      for (const each of good) expect(yield* outside.read(keyOf(each))).toEqual(each)
      expect(yield* outside.read("bad 1")).toBeUndefined()
      // About 2k·log2(n): here k = 2 and n = 64.
      expect((yield* faults.statements).length).toBeLessThanOrEqual(24)
    }),
  )

  test(
    "buries a whole batch when every row of it is bad",
    Effect.gen(function* () {
      const { faults } = yield* database
      yield* faults.onWrite(refuseBad)
      const items = Array.from({ length: 5 }, (_, i) => item(`bad ${i}`, i + 1))
      const { dead } = yield* persist(batchOf(...items))
      expect(deadOf({ dead }).map(({ version }) => version)).toEqual([1, 2, 3, 4, 5])
    }),
  )

  test(
    "buries a write that ended too many workers, without asking the database",
    Effect.gen(function* () {
      const { faults } = yield* database
      const { dead } = yield* persist({ ...batchOf(item("bomb", 1)), lostLeases: 6 })
      const reason = "6 workers went silent with it"
      expect(deadOf({ dead })).toMatchObject([{ version: 1, reason }])
      const unreadable = [{ version: 2, text: '{"version":2,}', reason: "is not JSON" }]
      const none = yield* persist({ ...batchOf(), unreadable, lostLeases: 6 })
      expect(deadOf(none)).toMatchObject([{ version: 2, reason }])
      expect(yield* faults.count("write")).toBe(0)
    }),
  )

  test(
    "buries what is no write, without asking the database",
    Effect.gen(function* () {
      const { faults } = yield* database
      const unreadable = [{ version: 7, text: '{"version":7,}', reason: "/key is missing" }]
      const { coalesced, dead } = yield* persist({ ...batchOf(), unreadable })
      expect(coalesced).toBe(0)
      expect(deadOf({ dead })).toEqual([
        {
          version: 7,
          key: null,
          value: '{"version":7,}',
          reason: "/key is missing",
          sqlstate: null,
          at: "1970-01-01T00:00:00.000Z",
        },
      ])
      expect(yield* faults.statements).toEqual([])
    }),
  )
})

describe("the older writes of a rejected newest", () => {
  const refuseVersions =
    (...versions: ReadonlyArray<number>) =>
    (items: ReadonlyArray<Item>) =>
      items.some(({ version }) => versions.includes(version)) ? reject("22021") : Effect.void

  for (const name of ["a", "__proto__", "constructor"]) {
    test(
      `the next older one is written instead (${name})`,
      Effect.gen(function* () {
        const { faults, outside } = yield* database
        yield* faults.onWrite(refuseVersions(4))
        const persisted = yield* persist(
          batchOf(item(name, 1), item(name, 2), item("b", 3), item(name, 4)),
        )
        expect(deadOf(persisted).map(({ version }) => version)).toEqual([4])
        expect(persisted.coalesced).toBe(1)
        expect(yield* outside.read(name)).toEqual(item(name, 2))
        expect(yield* outside.read("b")).toEqual(item("b", 3))
      }),
    )
  }

  test(
    "two levels deep, and for two keys at once",
    Effect.gen(function* () {
      const { faults, outside } = yield* database
      yield* faults.onWrite(refuseVersions(13, 12, 23))
      const items = [11, 12, 13].map((version) => item("a", version))
      const others = [21, 22, 23].map((version) => item("b", version))
      const { coalesced, dead } = yield* persist(batchOf(...items, ...others))
      expect(deadOf({ dead }).map(({ version }) => version)).toEqual([13, 23, 12])
      expect(coalesced).toBe(1)
      expect(yield* outside.read("a")).toEqual(item("a", 11))
      expect(yield* outside.read("b")).toEqual(item("b", 22))
    }),
  )

  test(
    "when none is left, the key keeps the row it had",
    Effect.gen(function* () {
      const { faults, outside } = yield* database
      yield* persist(batchOf(item("a", 1)))
      yield* faults.onWrite(refuseVersions(2, 3))
      const { coalesced, dead } = yield* persist(batchOf(item("a", 2), item("a", 3)))
      expect({ coalesced, dead: dead.length }).toEqual({ coalesced: 0, dead: 2 })
      expect(yield* outside.read("a")).toEqual(item("a", 1))
    }),
  )

  test(
    "a superseded bad write is never tried and counts as coalesced",
    Effect.gen(function* () {
      const { faults } = yield* database
      yield* faults.onWrite(refuseVersions(1))
      const persisted = yield* persist(batchOf(item("a", 1), item("a", 2)))
      expect(persisted).toEqual({ coalesced: 1, dead: [], held: [] })
    }),
  )
})

describe("a table whose statements outlast their deadline", () => {
  test(
    "is held after 120 s, is claimed in smaller claims, and no other table of the batch fails",
    Effect.gen(function* () {
      const { faults, outside } = yield* database
      yield* faults.onWrite((_, table) => (table === EVENTS ? Effect.never : Effect.void))
      const late = [eventItem(2), eventItem(3)]
      const fiber = yield* Effect.forkChild(persist(batchOf(item("a", 1), ...late)))
      yield* TestClock.adjust("119 seconds")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      const error = { _tag: "BatchFailed", reason: "batch deadline passed" }
      expect(yield* Fiber.join(fiber)).toMatchObject({ dead: [], held: [{ items: late, error }] })
      expect(yield* Clock.currentTimeMillis).toBe(120_000)
      expect(yield* outside.read("a")).toEqual(item("a", 1))
      expect(yield* (yield* ClaimSize).size).toBe(1)
    }),
  )
})
