/**
 * What every queue does with a batch whose worker gives it back, goes silent, or comes too late: it
 * goes back in order, by one call, and what it counts it counts once.
 */
import { Effect } from "effect"
import { expect } from "vitest"
import { Queue } from "../queue.ts"
import { RECOVER_MAX } from "../settings.ts"
import { DATABASE } from "./database-memory.ts"
import { conserved, keysOf, writes } from "./kit.ts"
import type { Subject } from "./queue.suite.ts"
import { QueueOutside } from "./queue-memory.ts"

export const LEASE_MILLIS = 10_000

/** Three writes, of which "a" and "b" are claimed as batch "1" and "c" waits. */
const claimed = Effect.gen(function* () {
  const queue = yield* Queue
  const outside = yield* QueueOutside
  yield* queue.seed(0, DATABASE)
  yield* outside.enqueue(writes("a", "b", "c"))
  expect(keysOf(yield* queue.claim("1", 2, DATABASE))).toEqual(["a", "b"])
  return { queue, outside }
})

const putBack = ({ test }: Subject) => {
  test(
    "a batch that is released goes back in order, before what waits, and is not redelivered",
    Effect.gen(function* () {
      const { queue, outside } = yield* claimed
      expect(yield* queue.release("1")).toBe(2)
      expect(yield* queue.release("1")).toBe(0)
      expect(yield* outside.leaseLeft("1")).toBeNull()
      expect(yield* conserved).toMatchObject({ inFlight: 0, redelivered: 0 })
      expect(keysOf(yield* queue.claim("2", 10, DATABASE))).toEqual(["a", "b", "c"])
    }),
  )

  test(
    "a batch is recovered only past its deadline, once, in order, and counted as redelivered",
    Effect.gen(function* () {
      const { queue, outside } = yield* claimed
      expect(yield* queue.recover("1")).toBe(0)
      yield* outside.expire("1")
      expect(yield* queue.recover("1")).toBe(2)
      expect(yield* queue.recover("1")).toBe(0)
      expect(yield* conserved).toMatchObject({ inFlight: 0, redelivered: 2 })
      expect(keysOf(yield* queue.claim("2", 10, DATABASE))).toEqual(["a", "b", "c"])
    }),
  )

  test(
    "writes that three workers went silent with are claimed alone, until they are acknowledged",
    Effect.gen(function* () {
      const { queue, outside } = yield* claimed
      for (let lostLeases = 1; lostLeases <= 3; lostLeases++) {
        yield* outside.expire("1")
        yield* queue.recover("1")
        if (lostLeases < 3) expect(keysOf(yield* queue.claim("1", 2, DATABASE))).toEqual(["a", "b"])
      }
      expect(yield* queue.claim("2", 10, DATABASE)).toMatchObject({
        items: [{ write: { row: { key: "a" } } }],
        lostLeases: 3,
      })
      expect(yield* queue.claim("2", 10, DATABASE)).toMatchObject({ lostLeases: 3 })
      expect(yield* queue.acknowledge("2", "Full", 0, [])).toBe(true)
      expect(keysOf(yield* queue.claim("3", 10, DATABASE))).toEqual(["b"])
      expect(yield* queue.acknowledge("3", "Full", 0, [])).toBe(true)
      expect(yield* queue.claim("4", 10, DATABASE)).toMatchObject({
        items: [{ write: { row: { key: "c" } } }],
        lostLeases: 0,
      })
      yield* conserved
    }),
  )

  test(
    "an acknowledgement that comes after the recovery is refused and counts nothing",
    Effect.gen(function* () {
      const { queue, outside } = yield* claimed
      yield* outside.expire("1")
      yield* queue.recover("1")
      const before = yield* conserved
      expect(yield* queue.acknowledge("1", "Full", 1, ["dead"])).toBe(false)
      expect(yield* conserved).toEqual(before)
      // Also when the writes are in another batch by now.
      yield* queue.claim("2", 10, DATABASE)
      expect(yield* queue.acknowledge("1", "Full", 1, ["dead"])).toBe(false)
      expect(yield* conserved).toMatchObject({ inFlight: 3, processed: 0, failed: 0, dead: [] })
    }),
  )

  test(
    "a batch is acknowledged once: processed, coalesced and failed add up",
    Effect.gen(function* () {
      const { queue } = yield* claimed
      expect(yield* queue.acknowledge("1", "Full", 1, ["dead"])).toBe(true)
      expect(yield* queue.acknowledge("1", "Full", 1, ["dead"])).toBe(false)
      expect(yield* queue.release("1")).toBe(0)
      expect(yield* queue.recover("1")).toBe(0)
      expect(yield* conserved).toMatchObject({
        queued: 3,
        inFlight: 0,
        processed: 1,
        coalesced: 1,
        failed: 1,
        dead: ["dead"],
        redelivered: 0,
      })
    }),
  )
}

const beats = ({ test }: Subject) => {
  test(
    "a claim lasts for a lease, and a heartbeat makes it last for another",
    Effect.gen(function* () {
      const { queue, outside } = yield* claimed
      expect(yield* outside.leaseLeft("1")).toSatisfy(fresh)
      yield* outside.expire("1")
      expect(yield* queue.heartbeat(["1"], "")).toMatchObject({ lost: [], expired: [], lots: [] })
      expect(yield* outside.leaseLeft("1")).toSatisfy(fresh)
      expect(yield* queue.recover("1")).toBe(0)
    }),
  )

  test(
    "claiming the same id again makes it last for another lease too",
    Effect.gen(function* () {
      const { queue, outside } = yield* claimed
      yield* outside.expire("1")
      yield* queue.claim("1", 2, DATABASE)
      expect(yield* outside.leaseLeft("1")).toSatisfy(fresh)
    }),
  )

  test(
    "a heartbeat names what is lost and never brings it back",
    Effect.gen(function* () {
      const { queue, outside } = yield* claimed
      yield* outside.expire("1")
      yield* queue.recover("1")
      expect(yield* queue.heartbeat(["1", "never was"], "")).toEqual({
        lost: ["1", "never was"],
        expired: [],
        lots: [],
        able: ["worker-1"],
      })
      expect(yield* outside.leaseLeft("1")).toBeNull()
      expect(yield* queue.recover("1")).toBe(0)
      expect(yield* conserved).toMatchObject({ redelivered: 2 })
    }),
  )

  test(
    "a heartbeat names leases that have expired, a bounded number, and leaves them to recovery",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      yield* queue.seed(0, DATABASE)
      const ids = Array.from({ length: RECOVER_MAX + 2 }, (_, i) => `id ${i}`)
      yield* outside.enqueue(writes(...ids))
      yield* Effect.forEach(ids, (id) =>
        Effect.andThen(queue.claim(id, 1, DATABASE), outside.expire(id)),
      )
      const { lost, expired } = yield* queue.heartbeat([ids[0] as string], "")
      expect(lost).toEqual([])
      expect(expired).toHaveLength(RECOVER_MAX)
      expect(expired).not.toContain(ids[0])
      expect(yield* Effect.forEach(expired, queue.recover)).toEqual(expired.map(() => 1))
      expect((yield* queue.heartbeat([], "")).expired).toHaveLength(1)
      expect(yield* conserved).toMatchObject({ redelivered: RECOVER_MAX, inFlight: 2 })
    }),
  )

  test(
    "a worker is seen with why it holds, until it leaves",
    Effect.gen(function* () {
      const { queue, outside } = yield* claimed
      expect((yield* outside.snapshot).workers).toEqual({})
      yield* queue.heartbeat([], "no table")
      expect((yield* outside.snapshot).workers).toEqual({ "worker-1": "no table" })
      yield* queue.heartbeat([], "")
      expect((yield* outside.snapshot).workers).toEqual({ "worker-1": "" })
      yield* queue.leave
      expect((yield* outside.snapshot).workers).toEqual({})
    }),
  )
}

const fresh = (left: number | null) =>
  left !== null && left > LEASE_MILLIS - 2_000 && left <= LEASE_MILLIS

export const leaseSuite = (subject: Subject) => {
  putBack(subject)
  beats(subject)
}
