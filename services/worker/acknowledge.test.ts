import { describe, expect } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { settle } from "./acknowledge.ts"
import { DatabaseUnavailable } from "./errors.ts"
import { holdReason } from "./hold.ts"
import { DATABASE, reject } from "./testing/database-memory.ts"
import { conserved, deadlock, noLogin, noReply, parts, test, writes } from "./testing/kit.ts"
import { Logged } from "./testing/worker-memory.ts"

/** Three writes, claimed. */
const claimed = Effect.gen(function* () {
  const services = yield* parts
  yield* services.queue.seed(0, DATABASE)
  yield* services.outside.enqueue(writes("a", "b", "c"))
  const batch = yield* services.queue.claim("1", 10, DATABASE)
  if (!batch) throw new Error("nothing was claimed")
  return { ...services, batch }
})

describe("settle", () => {
  test(
    "writes a batch and acknowledges it, the dead included",
    Effect.gen(function* () {
      const { batch, table, onDatabase } = yield* claimed
      yield* onDatabase.onWrite((items) =>
        items.some((item) => item.write.row.key === "b") ? reject("22021") : Effect.void,
      )
      yield* settle(batch, "Full")
      const { dead, ...counts } = yield* conserved
      expect(counts).toMatchObject({ inFlight: 0, processed: 2, failed: 1, waiting: [] })
      expect(dead.map((letter) => JSON.parse(letter))).toMatchObject([
        { key: "b", sqlstate: "22021" },
      ])
      expect(yield* table.read("c")).toEqual(batch.items[2])
      expect(yield* Logged).toMatchObject([
        {
          ...{ level: "error", message: "writes were buried" },
          fields: {
            ...{ writes: 1, batch: "1" },
            reason: "has a character that the database cannot store (SQLSTATE 22021)",
          },
        },
      ])
    }),
  )

  test(
    "says in the log why most of the dead of a batch died, and quotes none",
    Effect.gen(function* () {
      const { batch, onDatabase } = yield* claimed
      yield* onDatabase.onWrite((items) =>
        items.some((item) => item.write.row.key === "a") ? reject("22021") : reject("23514"),
      )
      yield* settle(batch, "Full")
      expect(yield* Logged).toMatchObject([
        {
          fields: { writes: 3, reason: "violates a check constraint (SQLSTATE 23514)" },
        },
      ])
    }),
  )

  for (const error of [
    new DatabaseUnavailable({ reason: "CONNECTION_CLOSED", sqlstate: null }),
    noLogin,
    deadlock,
  ]) {
    test(
      `gives the batch back after ${error._tag}, after it held: nobody dies`,
      Effect.gen(function* () {
        const { batch, onDatabase, onQueue, hold } = yield* claimed
        yield* onDatabase.onWrite(() => error)
        yield* onDatabase.before("probe", error)
        let heldAtRelease = ""
        yield* onQueue.before(
          "release",
          Effect.map(hold.reason, (reason) => {
            heldAtRelease = reason
          }),
        )
        const settling = yield* Effect.forkChild(settle(batch, "Full"))
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(settling)
        expect(heldAtRelease).toBe(holdReason(error))
        expect(yield* conserved).toMatchObject({
          waiting: { length: 3 },
          inFlight: 0,
          failed: 0,
          redelivered: 0,
          dead: [],
        })
      }),
    )
  }

  test(
    "holds after a defect of this program, instead of trying the batch for ever",
    Effect.gen(function* () {
      const { batch, onDatabase, hold } = yield* claimed
      yield* onDatabase.onWrite(() => Effect.die(new RangeError("secret")))
      yield* settle(batch, "Full")
      expect(yield* hold.reason).toContain(
        "The worker has a fault: its log says more (defect: RangeError)",
      )
      expect(yield* conserved).toMatchObject({ waiting: { length: 3 }, failed: 0 })
    }),
  )

  test(
    "acknowledges later when Redis is away, without a second statement",
    Effect.gen(function* () {
      const { batch, onQueue, onDatabase } = yield* claimed
      yield* onQueue.before("acknowledge", noReply)
      const settling = yield* Effect.forkChild(settle(batch, "Full"))
      yield* TestClock.adjust("5 seconds")
      expect(settling.pollUnsafe()).toBeUndefined()
      yield* onQueue.before("acknowledge", null)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(settling)
      expect(yield* conserved).toMatchObject({ processed: 3, inFlight: 0 })
      expect(yield* onDatabase.count("write")).toBe(1)
    }),
  )

  test(
    "counts once when only the reply of the acknowledgement was lost",
    Effect.gen(function* () {
      const { batch, onQueue } = yield* claimed
      let lost = 2
      yield* onQueue.after(
        "acknowledge",
        Effect.suspend(() => (lost-- > 0 ? noReply : Effect.void)),
      )
      const settling = yield* Effect.forkChild(settle(batch, "Full"))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(settling)
      expect(yield* conserved).toMatchObject({ processed: 3, failed: 0, inFlight: 0 })
    }),
  )

  test(
    "leaves a written batch to its lease when Redis stays away, and redelivery changes nothing",
    Effect.gen(function* () {
      const { batch, queue, onQueue, table } = yield* claimed
      yield* onQueue.before("acknowledge", noReply)
      const settling = yield* Effect.forkChild(settle(batch, "Full"))
      yield* TestClock.adjust("13 seconds")
      yield* Fiber.join(settling)
      expect(yield* queue.recover("1")).toBe(3)
      yield* onQueue.before("acknowledge", null)
      const again = yield* queue.claim("2", 10, DATABASE)
      if (again) yield* settle(again, "Full")
      expect(yield* conserved).toMatchObject({ processed: 3, redelivered: 3, inFlight: 0 })
      expect(yield* table.read("a")).toEqual(batch.items[0])
    }),
  )

  test(
    "leaves a batch that it cannot give back to its lease",
    Effect.gen(function* () {
      const { batch, onQueue, onDatabase } = yield* claimed
      yield* onDatabase.onWrite(() => new DatabaseUnavailable({ reason: "EPIPE", sqlstate: null }))
      yield* onQueue.before("release", noReply)
      const settling = yield* Effect.forkChild(settle(batch, "Full"))
      yield* TestClock.adjust("4 seconds")
      yield* Fiber.join(settling)
      expect(yield* conserved).toMatchObject({ inFlight: 3 })
    }),
  )
})

describe("settle, interrupted", () => {
  test(
    "gives the batch back while it is being written",
    Effect.gen(function* () {
      const { batch, onDatabase, hold } = yield* claimed
      const writing = yield* Deferred.make<void>()
      yield* onDatabase.onWrite(() =>
        Effect.andThen(Deferred.succeed(writing, undefined), Effect.never),
      )
      const settling = yield* Effect.forkChild(settle(batch, "Full"))
      yield* Deferred.await(writing)
      yield* Fiber.interrupt(settling)
      expect(yield* conserved).toMatchObject({ waiting: { length: 3 }, inFlight: 0 })
      expect(yield* hold.reason).toBe("")
    }),
  )

  test(
    "acknowledges a batch that is written",
    Effect.gen(function* () {
      const { batch, onQueue } = yield* claimed
      const acknowledging = yield* Deferred.make<void>()
      const latch = yield* Deferred.make<void>()
      yield* onQueue.before(
        "acknowledge",
        Effect.andThen(Deferred.succeed(acknowledging, undefined), Deferred.await(latch)),
      )
      const settling = yield* Effect.forkChild(settle(batch, "Full"))
      yield* Deferred.await(acknowledging)
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(settling))
      yield* TestClock.adjust("1 minute")
      expect(interrupting.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(interrupting)
      expect(yield* conserved).toMatchObject({ processed: 3, inFlight: 0, waiting: [] })
    }),
  )
})
