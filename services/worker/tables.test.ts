/** How a batch of several tables is written: what one of them does is nothing to the others. */
import { describe, expect } from "@effect/vitest"
import { Effect, Fiber, Latch } from "effect"
import { TestClock } from "effect/testing"
import { ClaimSize } from "./claim/claim-size.ts"
import { persist } from "./persist.ts"
import { DatabaseFaults, DatabaseOutside, refuse, reject } from "./testing/database-memory.ts"
import {
  away,
  batchOf,
  deadlock,
  deadOf,
  EVENTS,
  eventItem,
  item,
  keyOf,
  locked,
  noLogin,
  noTable,
  slow,
  test,
} from "./testing/kit.ts"

const database = Effect.all({ faults: DatabaseFaults, outside: DatabaseOutside })

describe("a batch of several tables", () => {
  test(
    "is written by one statement a table, at once, and all is stored",
    Effect.gen(function* () {
      const { faults, outside } = yield* database
      const together = yield* Latch.make(false)
      // Each of the two statements waits for the other.
      let statements = 0
      yield* faults.onWrite(() => {
        statements += 1
        return statements === 2 ? Effect.asVoid(together.open) : together.await
      })
      const batch = batchOf(eventItem(5), item("b", 2), eventItem(3), item("a", 4), item("b", 1))
      expect(yield* persist(batch)).toEqual({ coalesced: 1, dead: [], held: [] })
      expect((yield* faults.statements).toSorted()).toEqual([
        [3, 5],
        [4, 2],
      ])
      expect(yield* outside.read("b")).toEqual(item("b", 2))
      expect(yield* outside.read("5", EVENTS)).toEqual(eventItem(5))
    }),
  )

  test(
    "buries the one row that one of them rejects, and stores all others of both",
    Effect.gen(function* () {
      const { faults, outside } = yield* database
      yield* faults.onWrite((items, table) =>
        table === EVENTS && items.some(({ version }) => version === 103)
          ? reject("23514")
          : Effect.void,
      )
      const rows = Array.from({ length: 8 }, (_, i) => item(`key ${i}`, i + 1))
      const appended = Array.from({ length: 8 }, (_, i) => eventItem(101 + i))
      const persisted = yield* persist(batchOf(...rows, ...appended))
      expect(deadOf(persisted)).toMatchObject([
        { version: 103, table: "events", row: { type: expect.any(String) }, sqlstate: "23514" },
      ])
      expect(persisted).toMatchObject({ coalesced: 0, held: [] })
      for (const each of rows) expect(yield* outside.read(keyOf(each))).toEqual(each)
      expect(yield* outside.count(EVENTS)).toBe(7)
      expect(yield* outside.read("103", EVENTS)).toBeUndefined()
    }),
  )

  for (const error of [noTable, locked, slow, refuse("P0001")]) {
    test(
      `says which of them is held (${error._tag} ${error.sqlstate}), and buries what the other rejects`,
      Effect.gen(function* () {
        const { faults, outside } = yield* database
        yield* faults.breakTable(EVENTS, error)
        yield* faults.onWrite((items) =>
          items.some((each) => keyOf(each) === "bad") ? reject("23514") : Effect.void,
        )
        const good = item("good", 2)
        const late = [eventItem(3), eventItem(4)]
        const batch = batchOf(item("bad", 1), good, ...late)
        const fiber = yield* Effect.forkChild(persist(batch))
        yield* TestClock.adjust("30 seconds")
        const { held, ...persisted } = yield* Fiber.join(fiber)
        expect(held.map((each) => [each.table.name, each.items])).toEqual([["events", late]])
        expect(held).toMatchObject([{ error: { sqlstate: error.sqlstate } }])
        expect(deadOf(persisted).map(({ version }) => version)).toEqual([1])
        expect(yield* outside.read("good")).toEqual(good)
      }),
    )
  }

  for (const error of [away, noLogin, deadlock]) {
    test(
      `fails as a whole when the database does (${error._tag} ${error.sqlstate})`,
      Effect.gen(function* () {
        const { faults } = yield* database
        yield* faults.breakTable(EVENTS, error)
        const batch = batchOf(item("a", 1), eventItem(2))
        const fiber = yield* Effect.forkChild(Effect.flip(persist(batch)))
        yield* TestClock.adjust("10 seconds")
        expect(yield* Fiber.join(fiber)).toBe(error)
      }),
    )
  }

  test(
    "is claimed as before when one of them is held: a claim that it shortened does not grow",
    Effect.gen(function* () {
      const { faults } = yield* database
      const claimSize = yield* ClaimSize
      yield* faults.breakTable(EVENTS, noTable)
      yield* claimSize.shrink(4)
      yield* persist(batchOf(item("a", 1), item("b", 2), eventItem(3)))
      expect(yield* claimSize.size).toBe(2)
      yield* persist(batchOf(item("a", 3), item("b", 4)))
      expect(yield* claimSize.size).toBe(3)
    }),
  )
})
