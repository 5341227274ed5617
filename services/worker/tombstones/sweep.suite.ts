/**
 * What one round of sweeping does, on every store. `sweep.test.ts` runs this on memory,
 * `sweep.integration.test.ts` on PostgreSQL and Redis.
 */
import { Effect } from "effect"
import { expect } from "vitest"
import { DEFAULT_TABLE, encodeDeadLetter, type Item, makeItem } from "../../../shared/item.ts"
import { deletionOf } from "../../../shared/write.ts"
import { Database } from "../database.ts"
import { Hold } from "../hold.ts"
import { Queue } from "../queue.ts"
import type { Settings } from "../settings.ts"
import type { Shards } from "../shards.ts"
import { DatabaseOutside } from "../testing/database-memory.ts"
import { away, item, writes } from "../testing/kit.ts"
import { QueueOutside } from "../testing/queue-memory.ts"
import { Logged } from "../testing/worker-memory.ts"
import { makeRound } from "./sweep.ts"

type Services =
  | Database
  | DatabaseOutside
  | Hold
  | Logged
  | Queue
  | QueueOutside
  | Settings
  | Shards

export interface Subject {
  readonly test: (sentence: string, effect: Effect.Effect<void, unknown, Services>) => void
  /** Makes all tombstones that are there so many days older. */
  readonly age: (days: number) => Effect.Effect<void, never, Services>
  /** Steps are paused between: lets the pauses of a round pass. */
  readonly finish: (round: Effect.Effect<void>) => Effect.Effect<void>
}

const AT = "2026-01-01T00:00:00.000Z"

/** The deletion of a key. */
export const deletion = (key: string, version: number): Item => {
  const write = deletionOf(DEFAULT_TABLE, key)
  if (write === null) throw new Error(`${key} is no key`)
  return makeItem(version, write)
}

const letterOf = (dead: Item) => encodeDeadLetter(dead, "is refused", "23514", AT)

/** A queue that the database owns, whose versions are far above those of the test's rows. */
const setUp = Effect.gen(function* () {
  const database = yield* Database
  const queue = yield* Queue
  const outside = yield* QueueOutside
  const identity = yield* database.identity
  yield* queue.seed(0, identity)
  yield* outside.enqueue(writes("another"))
  /** All that waits is claimed and ends; `letters` are the dead of it. */
  const finish = Effect.fnUntraced(function* (...letters: ReadonlyArray<string>) {
    yield* queue.claim("end", 1_000, identity)
    yield* queue.acknowledge("end", "Full", 0, letters)
  })
  yield* finish()
  const store = (...items: ReadonlyArray<Item>) => database.write(DEFAULT_TABLE, items)
  /** Whether a tombstone above version 1 is gone: then an older write makes a row. */
  const takesOlder = (key: string) => Effect.map(store(item(key, 1)), (changed) => changed > 0)
  return { queue, outside, identity, store, takesOlder, finish, round: yield* makeRound }
})

const warnings = Effect.map(Logged, (logged) =>
  logged.filter(({ level }) => level === "warn").map(({ message }) => message),
)

const days = ({ test, age, finish }: Subject) => {
  test(
    "a tombstone is swept after the days, and not before; younger ones stay, and so do rows",
    Effect.gen(function* () {
      const { store, takesOlder, round } = yield* setUp
      const table = yield* DatabaseOutside
      yield* store(deletion("again", 5), deletion("old", 5), item("row", 5))
      yield* age(6.9)
      yield* finish(round)
      expect(yield* takesOlder("old")).toBe(false)

      yield* store(item("again", 6), deletion("young", 6))
      yield* age(0.2)
      yield* finish(round)
      expect(yield* takesOlder("old")).toBe(true)
      expect(yield* takesOlder("young")).toBe(false)
      expect(yield* table.read("row")).toEqual(item("row", 5))
      expect(yield* table.read("again")).toEqual(item("again", 6))
      expect((yield* Logged).map(({ message, fields }) => [message, fields.rows])).toEqual([
        ["tombstones swept", 1],
      ])
    }),
  )

  test(
    "more tombstones than one step takes are swept in several",
    Effect.gen(function* () {
      const { store, takesOlder, round } = yield* setUp
      const keys = Array.from({ length: 2_500 }, (_, index) => `key ${index}`).sort()
      yield* store(...keys.map((key) => deletion(key, 5)))
      yield* age(8)
      yield* finish(round)
      expect(yield* takesOlder("key 0")).toBe(true)
      expect(yield* takesOlder("key 2499")).toBe(true)
      expect((yield* Logged).at(-1)?.fields).toEqual({ table: DEFAULT_TABLE.name, rows: 2_500 })
    }),
  )

  test(
    "nothing is swept while workers are paused, of another database's queue, or before the first seed",
    Effect.gen(function* () {
      const { queue, identity, outside, store, takesOlder, round } = yield* setUp
      yield* store(deletion("a", 5))
      yield* age(8)
      yield* outside.pause(true)
      yield* finish(round)
      yield* outside.pause(false)
      yield* outside.give("9/another/public")
      yield* finish(round)
      expect((yield* Logged).map(({ fields }) => fields)).toEqual([{ reason: "QueueOwned" }])
      yield* outside.give(identity)
      yield* finish(round)
      expect(yield* takesOlder("a")).toBe(false)

      yield* queue.seed(0, identity)
      yield* finish(round)
      expect(yield* takesOlder("a")).toBe(true)
    }),
  )

  test(
    "nothing is swept while a hold lasts",
    Effect.gen(function* () {
      const { store, takesOlder, round } = yield* setUp
      const hold = yield* Hold
      yield* store(deletion("a", 5))
      yield* age(8)
      yield* hold.enter(away, Effect.never)
      yield* finish(round)
      expect(yield* takesOlder("a")).toBe(false)
    }),
  )
}

const older = ({ test, age, finish }: Subject) => {
  test(
    "a tombstone stays while an older write waits, or is in a batch",
    Effect.gen(function* () {
      const { queue, identity, outside, store, takesOlder, round } = yield* setUp
      yield* store(deletion("a", 5), deletion("b", 3))
      yield* age(8)
      yield* outside.push('{"version":4,"key":"a","value":"older"}')
      yield* outside.enqueue(writes("newer"))
      yield* finish(round)
      yield* queue.claim("1", 1, identity)
      yield* finish(round)
      expect(yield* takesOlder("a")).toBe(false)
      expect(yield* takesOlder("b")).toBe(true)

      yield* queue.acknowledge("1", "Full", 0, [])
      yield* finish(round)
      expect(yield* takesOlder("a")).toBe(true)
      expect(yield* warnings).toEqual([])
    }),
  )

  test(
    "a tombstone stays while a write of its table is parked, of whatever version",
    Effect.gen(function* () {
      const { queue, identity, outside, store, takesOlder, finish: end, round } = yield* setUp
      yield* store(deletion("a", 5))
      yield* age(8)
      const park = (lot: string) =>
        Effect.gen(function* () {
          const version = yield* outside.enqueue(writes("parked"))
          yield* queue.claim(lot, 1, identity)
          yield* queue.park(lot, lot, [version])
        })
      yield* park(`${DEFAULT_TABLE.name}.colour`)
      yield* finish(round)
      expect(yield* takesOlder("a")).toBe(false)

      yield* queue.unpark(`${DEFAULT_TABLE.name}.colour`, 10)
      yield* end()
      yield* park("another_table")
      yield* finish(round)
      expect(yield* takesOlder("a")).toBe(true)
    }),
  )

  test(
    "an older dead letter keeps it, which is said once; its replay brings no row back",
    Effect.gen(function* () {
      const { queue, identity, outside, store, finish: end, round } = yield* setUp
      const table = yield* DatabaseOutside
      const letter = letterOf(item("a", 4))
      yield* outside.enqueue(writes("dies"))
      yield* end(letter)
      yield* store(deletion("a", 5), deletion("b", 3))
      yield* age(8)
      yield* finish(round)
      yield* finish(round)
      expect(yield* warnings).toEqual([
        "tombstones stay: older dead letters stand, replay or discard them",
      ])
      expect((yield* Logged).find(({ level }) => level === "info")?.fields.rows).toBe(1)

      yield* outside.replay(letter)
      yield* finish(round)
      const batch = yield* queue.claim("1", 10, identity)
      yield* finish(round)
      expect(batch?.items.map(({ version }) => version)).toEqual([4])
      expect(yield* store(...(batch?.items ?? []))).toBe(0)
      expect(yield* table.read("a")).not.toEqual(item("a", 4))

      yield* queue.acknowledge("1", "Full", 0, [])
      yield* finish(round)
      expect(yield* store(item("a", 4))).toBe(1)
    }),
  )

  test(
    "letters of other tables keep nothing, and letters that were no write keep all that is newer",
    Effect.gen(function* () {
      const { outside, store, takesOlder, finish: end, round } = yield* setUp
      yield* store(deletion("a", 5))
      yield* age(8)
      const event = { version: 2, table: "events", row: {}, reason: "", sqlstate: null, at: AT }
      yield* outside.enqueue(writes("dies"))
      yield* end(JSON.stringify(event))
      const none = encodeDeadLetter({ version: 4, text: "?", reason: "" }, "is not JSON", null, AT)
      yield* outside.enqueue(writes("dies"))
      yield* end(none)
      yield* finish(round)
      expect(yield* takesOlder("a")).toBe(false)

      yield* outside.replay(none)
      yield* end()
      yield* finish(round)
      expect(yield* takesOlder("a")).toBe(true)
    }),
  )
}

export const sweepSuite = (subject: Subject) => {
  days(subject)
  older(subject)
}
