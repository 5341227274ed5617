import { describe, expect } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { DEFAULT_TABLE, encodeDeadLetter } from "../../../shared/item.ts"
import { TABLES } from "../../../shared/tables.ts"
import { Database } from "../database.ts"
import { Queue } from "../queue.ts"
import { DATABASE, reject } from "../testing/database-memory.ts"
import { away, item, noReply, parts, refusal, test, writes } from "../testing/kit.ts"
import { QueueOutside } from "../testing/queue-memory.ts"
import { Logged } from "../testing/worker-memory.ts"
import { deletion, sweepSuite } from "./sweep.suite.ts"
import { layerSweep, makeRound } from "./sweep.ts"

/** Lets the pauses between the steps pass. */
const finish = (round: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const swept = yield* Effect.forkChild(round, { startImmediately: true })
    yield* TestClock.adjust("2 seconds")
    yield* Fiber.join(swept)
  })

describe("a round of sweeping, on memory", () =>
  sweepSuite({ test, age: (days) => TestClock.adjust(`${days * 24} hours`), finish }))

const ready = Effect.gen(function* () {
  const services = yield* parts
  yield* (yield* Queue).seed(0, DATABASE)
  return services
})

/** How many tables have rows that are deleted. */
const SWEPT = Object.values(TABLES).filter(({ deletes }) => deletes).length

const tombstones = (count: number, version = 5) =>
  Array.from({ length: count }, (_, index) => deletion(`key ${index}`, version))

describe("sweeping", () => {
  test(
    "begins a minute after the start, and is repeated each hour, more or less",
    Effect.gen(function* () {
      const { onDatabase, onQueue } = yield* ready
      yield* Layer.build(layerSweep)
      yield* TestClock.adjust("59 seconds")
      expect(yield* onQueue.count("oldest")).toBe(0)
      yield* TestClock.adjust("1 second")
      expect(yield* onQueue.count("oldest")).toBe(1)
      yield* TestClock.adjust("47 minutes")
      expect(yield* onQueue.count("oldest")).toBe(1)
      yield* TestClock.adjust("26 minutes")
      expect(yield* onQueue.count("oldest")).toBe(2)
      expect(yield* onDatabase.count("sweep")).toBe(2 * SWEPT)
    }).pipe(Effect.scoped),
  )

  test(
    "takes a thousand rows a step with a pause between, and stops where a hold begins",
    Effect.gen(function* () {
      const { database, onDatabase, hold, logged } = yield* withTombstones(3_500)
      expect(yield* database.highestVersion).toBe(5)
      const round = yield* Effect.forkChild(yield* makeRound, { startImmediately: true })
      expect(yield* onDatabase.count("sweep")).toBe(1)
      yield* TestClock.adjust("99 millis")
      expect(yield* onDatabase.count("sweep")).toBe(1)
      yield* TestClock.adjust("1 millis")
      expect(yield* onDatabase.count("sweep")).toBe(2)
      yield* hold.enter(away, Effect.never)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(round)
      expect(yield* onDatabase.count("sweep")).toBe(2)
      expect(logged.at(-1)).toMatchObject({ fields: { rows: 2_000 } })
    }),
  )

  test(
    "says once which right is missing, and is tried again",
    Effect.gen(function* () {
      const { onDatabase, logged } = yield* withTombstones(1)
      const round = yield* makeRound
      yield* onDatabase.before("sweep", refusal("42501"))
      yield* finish(round)
      yield* finish(round)
      expect(logged.filter(({ fields }) => fields.table === DEFAULT_TABLE.name)).toMatchObject([
        {
          level: "warn",
          message: "tombstones stay: the right to delete them is missing",
          fields: { table: "key_values", mend: "grant delete on key_values to postgres" },
        },
      ])
      yield* onDatabase.before("sweep", null)
      yield* finish(round)
      expect(logged.at(-1)).toMatchObject({ message: "tombstones swept", fields: { rows: 1 } })
    }),
  )

  test(
    "goes on after any failure of a store, and after a dead letter that cannot be read",
    Effect.gen(function* () {
      const { onDatabase, onQueue, logged } = yield* withTombstones(1)
      const queue = yield* Queue
      const round = yield* makeRound
      yield* onDatabase.before("sweep", reject("57014"))
      yield* finish(round)
      yield* onDatabase.before("sweep", null)
      yield* onQueue.before("oldest", noReply)
      yield* finish(round)
      yield* onQueue.before("oldest", null)
      yield* (yield* QueueOutside).enqueue(writes("dies"))
      yield* queue.claim("1", 1, DATABASE)
      yield* queue.acknowledge("1", "Full", 0, ["no JSON"])
      yield* finish(round)
      expect(logged.map(({ fields }) => fields.reason)).toEqual([
        "SQLSTATE 57014",
        "no reply",
        "SyntaxError",
      ])
    }),
  )

  test(
    "reads dead letters in pages, once for as long as they are the same",
    Effect.gen(function* () {
      const { onQueue, outside, queue, logged } = yield* withTombstones(1)
      const round = yield* makeRound
      const letters = Array.from({ length: 2_500 }, (_, index) =>
        encodeDeadLetter(item(`dead ${index}`, 2_500 - index), "is refused", null, "at"),
      )
      const die = (...dead: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          yield* outside.enqueue(dead.flatMap(() => writes("dies")))
          yield* queue.claim("1", 10_000, DATABASE)
          yield* queue.acknowledge("1", "Full", 0, dead)
        })
      yield* die(...letters)
      yield* finish(round)
      expect(yield* onQueue.count("letters")).toBe(3)
      expect(logged).toMatchObject([{ level: "warn", fields: { table: DEFAULT_TABLE.name } }])
      yield* finish(round)
      expect(yield* onQueue.count("letters")).toBe(3)

      for (const letter of letters) yield* outside.replay(letter)
      yield* die()
      yield* finish(round)
      expect(logged.at(-1)).toMatchObject({ message: "tombstones swept", fields: { rows: 1 } })
    }),
  )

  test(
    "waits for letters that come and go while they are read, and for more than it reads",
    Effect.gen(function* () {
      const { onQueue, outside, queue, onDatabase } = yield* withTombstones(1)
      const round = yield* makeRound
      const letter = (version: number) =>
        encodeDeadLetter(item("dead", version), "is refused", null, "at")
      let died = 0
      const die = Effect.gen(function* () {
        died += 1
        yield* outside.enqueue(writes("dies"))
        yield* queue.claim(`${died}`, 1, DATABASE)
        yield* queue.acknowledge(`${died}`, "Full", 0, [letter(100 + died)])
      }).pipe(Effect.orDie)
      yield* die
      yield* onQueue.before("letters", die)
      yield* finish(round)
      expect(yield* onDatabase.count("sweep")).toBe(0)
      yield* onQueue.before("letters", null)
      yield* finish(round)
      expect(yield* onDatabase.count("sweep")).toBe(SWEPT)
      expect((yield* Logged).at(-1)).toMatchObject({ fields: { rows: 1 } })
    }),
  )
})

/** A worker's services with so many tombstones, which are old enough. */
function withTombstones(count: number) {
  return Effect.gen(function* () {
    const services = yield* ready
    const database = yield* Database
    yield* database.write(DEFAULT_TABLE, tombstones(count))
    yield* TestClock.adjust("8 days")
    return { ...services, database }
  })
}
