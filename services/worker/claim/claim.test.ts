import { describe, expect } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { DEFAULT_TABLE } from "../../../shared/item.ts"
import { UNDER_WAY_MICROS } from "../../../shared/queue/seed.ts"
import { Database } from "../database.ts"
import { Hold, holdReason } from "../hold.ts"
import { DATABASE, DatabaseFaults } from "../testing/database-memory.ts"
import { away, conserved, item, keysOf, noReply, parts, testWith, writes } from "../testing/kit.ts"
import { Logged } from "../testing/worker-memory.ts"
import { checkOwner, claimBatch } from "./claim.ts"
import { ClaimSize } from "./claim-size.ts"

const test = testWith({ BATCH_MAX: 3 })

const enqueued = Effect.gen(function* () {
  const services = yield* parts
  yield* services.outside.enqueue(writes("a", "b", "c", "d"))
  return services
})

describe("the start of a worker", () => {
  test(
    "lifts the versions of a Redis that came back empty before the first write is told its own",
    Effect.gen(function* () {
      const { outside, database, table } = yield* parts
      yield* database.write(DEFAULT_TABLE, [item("stored", 5_000_000)])
      yield* checkOwner
      const version = yield* outside.enqueue(writes("a"))
      expect(version).toBeGreaterThan(5_000_000)
      expect(yield* claimBatch).toMatchObject({ items: [{ version }] })
      expect(yield* table.read("stored")).toBeDefined()
    }),
  )
})

describe("claimBatch", () => {
  test(
    "takes a claim at a time, each under an id of its own",
    Effect.gen(function* () {
      yield* enqueued
      const first = yield* claimBatch
      const second = yield* claimBatch
      const third = yield* claimBatch
      expect([first, second, third].map(keysOf)).toEqual([["a", "b", "c"], ["d"], undefined])
      expect(second?.id).not.toBe(first?.id)
      expect(first?.id).toMatch(/^worker-1:/)
    }),
  )

  test(
    "claims less while the database is slow",
    Effect.gen(function* () {
      yield* enqueued
      yield* (yield* ClaimSize).shrink(2)
      expect(keysOf(yield* claimBatch)).toEqual(["a"])
    }),
  )

  test(
    "asks again when the reply was lost, and gets the batch that was claimed",
    Effect.gen(function* () {
      const { queue, onQueue } = yield* enqueued
      yield* queue.seed(0, DATABASE)
      let lost = 3
      yield* onQueue.after(
        "claim",
        Effect.suspend(() => (lost-- > 0 ? noReply : Effect.void)),
      )
      const batch = yield* claimBatch
      expect(keysOf(batch)).toEqual(["a", "b", "c"])
      expect(yield* conserved).toMatchObject({ inFlight: 3 })
      expect(yield* queue.acknowledge(batch?.id ?? "", "Full", 0, [])).toBe(true)
    }),
  )

  test(
    "gives up after the fourth lost reply, and puts the batch back, so that no worker seems silent",
    Effect.gen(function* () {
      const { onQueue, queue } = yield* enqueued
      yield* queue.seed(0, DATABASE)
      yield* onQueue.after("claim", noReply)
      expect(yield* Effect.flip(claimBatch)).toBe(noReply)
      expect(yield* onQueue.count("claim")).toBe(4)
      const { waiting } = yield* conserved
      expect(waiting).toHaveLength(4)
      expect(yield* conserved).toMatchObject({ inFlight: 0, redelivered: 0 })
    }),
  )

  test(
    "continues the versions above the table's before the first batch of a Redis that was empty",
    Effect.gen(function* () {
      const database = yield* Database
      yield* database.write(DEFAULT_TABLE, [item("a", 5_000, "old")])
      yield* enqueued
      const batch = yield* claimBatch
      expect(batch?.items.map(({ version }) => version - UNDER_WAY_MICROS)).toEqual([
        5_001, 5_002, 5_003,
      ])
      expect(yield* Logged).toMatchObject([
        { level: "warn", message: "versions were lifted above those in the table" },
      ])
      yield* claimBatch
      expect(yield* (yield* DatabaseFaults).count("highestVersion")).toBe(1)
    }),
  )

  test(
    "takes nothing and holds when the table cannot be asked for its versions",
    Effect.gen(function* () {
      const { outside } = yield* enqueued
      const database = yield* DatabaseFaults
      yield* database.before("highestVersion", away)
      yield* database.before("probe", away)
      expect(yield* claimBatch).toBeNull()
      expect(yield* (yield* Hold).reason).toBe(holdReason(away))
      expect((yield* outside.snapshot).waiting).toHaveLength(4)
    }),
  )

  test(
    "holds while the queue belongs to another database, and says whose it is",
    Effect.gen(function* () {
      const { queue, outside } = yield* enqueued
      yield* queue.seed(0, "7/orders_in_tests/public")
      expect(yield* claimBatch).toBeNull()
      const hold = yield* Hold
      expect(yield* hold.reason).toContain(
        '(queue of "orders_in_tests" (schema public) of server 7, ' +
          'worker of "write_buffer" (schema public) of server 1)',
      )
      expect(yield* conserved).toMatchObject({ inFlight: 0, waiting: { length: 4 } })
      yield* TestClock.adjust("1 hour")
      expect(yield* hold.reason).toContain("orders_in_tests")
      expect(yield* Logged).toHaveLength(1)

      yield* outside.give(DATABASE)
      yield* TestClock.adjust("10 seconds")
      yield* hold.passed
      expect(keysOf(yield* claimBatch)).toEqual(["a", "b", "c"])
    }),
  )

  test(
    "holds when the table has a version that is no time in microseconds, above which none is exact",
    Effect.gen(function* () {
      const database = yield* Database
      yield* database.write(DEFAULT_TABLE, [item("a", 9e15, "old")])
      const { outside } = yield* enqueued
      expect(yield* claimBatch).toBeNull()
      expect(yield* (yield* Hold).reason).toContain("no time in microseconds")
      expect((yield* outside.snapshot).waiting).toHaveLength(4)
    }),
  )

  test(
    "asks the table for its versions once a second while batches of others are under way",
    Effect.gen(function* () {
      const { queue, outside } = yield* enqueued
      yield* queue.seed(0, "another")
      yield* queue.claim("1", 1, "another")
      yield* outside.give(DATABASE)
      const database = yield* Database
      yield* database.write(DEFAULT_TABLE, [item("a", 5_000, "old")])
      const claiming = yield* Effect.forkChild(claimBatch)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(claiming)).toBeNull()
      expect(yield* (yield* DatabaseFaults).count("highestVersion")).toBe(1)
      yield* queue.release("1")
      expect(keysOf(yield* claimBatch)).toEqual(["a", "b", "c"])
    }),
  )

  test(
    "gives back what it claimed when it is interrupted before it knows",
    Effect.gen(function* () {
      const { queue, onQueue, outside } = yield* enqueued
      yield* queue.seed(0, DATABASE)
      const claimed = yield* Deferred.make<void>()
      yield* onQueue.after(
        "claim",
        Effect.andThen(Deferred.succeed(claimed, undefined), Effect.never),
      )
      const taking = yield* Effect.forkChild(claimBatch)
      yield* Deferred.await(claimed)
      expect(yield* conserved).toMatchObject({ inFlight: 3 })
      yield* Fiber.interrupt(taking)
      expect(yield* conserved).toMatchObject({ inFlight: 0, redelivered: 0 })
      expect((yield* outside.snapshot).waiting).toHaveLength(4)
    }),
  )
})
