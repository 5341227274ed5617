/**
 * What every queue does with writes that are set aside: they leave their batch by one call, wait in a lot
 * where nobody claims them, and come back by another, and are counted all the while.
 */
import { Effect } from "effect"
import { expect } from "vitest"
import { UNDER_WAY_MICROS } from "../../../shared/queue/seed.ts"
import { type Batch, Queue } from "../queue.ts"
import { DATABASE } from "./database-memory.ts"
import { conserved, keysOf, parkedOf, writes } from "./kit.ts"
import type { Subject } from "./queue.suite.ts"
import { QueueOutside } from "./queue-memory.ts"

const LOT = "orders_in_tests"

/** The year 2223: no clock is ahead of it. */
const FAR_AHEAD = 8e15

const versionsOf = (batch: Batch | null, ...keys: ReadonlyArray<string>) =>
  (batch?.items ?? [])
    .filter(({ write }) => keys.includes(String(write.row.key)))
    .map(({ version }) => version)

/** Five writes, of which "a", "b" and "c" are claimed as batch "1", and "d" and "e" wait. */
const claimed = Effect.gen(function* () {
  const queue = yield* Queue
  const outside = yield* QueueOutside
  yield* queue.seed(0, DATABASE)
  yield* outside.enqueue(writes("a", "b", "c", "d", "e"))
  const batch = yield* queue.claim("1", 3, DATABASE)
  expect(keysOf(batch)).toEqual(["a", "b", "c"])
  const lots = Effect.map(queue.heartbeat([], ""), (beat) => beat.lots)
  return { queue, outside, batch, lots }
})

const parks = ({ test }: Subject) => {
  test(
    "what is parked leaves its batch, is claimed by nobody, and is counted as waiting",
    Effect.gen(function* () {
      const { queue, batch, lots } = yield* claimed
      expect(yield* lots).toEqual([])
      expect(yield* queue.park("1", LOT, versionsOf(batch, "b"))).toBe(1)
      const seen = yield* conserved
      expect(seen).toMatchObject({ waiting: { length: 2 }, inFlight: 2, processed: 0 })
      expect(parkedOf(seen)).toEqual({ [LOT]: 1 })
      expect(yield* lots).toEqual([LOT])

      expect((yield* queue.look).depth).toBe(2)
      expect(keysOf(yield* queue.claim("2", 10, DATABASE))).toEqual(["d", "e"])
      expect(keysOf(yield* queue.claim("1", 10, DATABASE))).toEqual(["a", "c"])
      expect(yield* queue.acknowledge("1", "Full", 0, [])).toBe(true)
      expect(yield* conserved).toMatchObject({ processed: 2, inFlight: 2, waiting: [] })
    }),
  )

  test(
    "a batch that is parked as a whole is over: it has no lease, and nothing is left to acknowledge",
    Effect.gen(function* () {
      const { queue, outside, batch } = yield* claimed
      expect(yield* queue.park("1", LOT, versionsOf(batch, "a", "b", "c"))).toBe(3)
      expect(yield* outside.leaseLeft("1")).toBeNull()
      const before = yield* conserved
      expect(before).toMatchObject({ inFlight: 0, redelivered: 0 })
      expect(yield* queue.acknowledge("1", "Full", 0, ["dead"])).toBe(false)
      expect(yield* queue.release("1")).toBe(0)
      expect(yield* queue.recover("1")).toBe(0)
      expect(yield* queue.heartbeat(["1"], "")).toMatchObject({ lost: ["1"] })
      expect({ ...(yield* conserved), workers: {} }).toEqual(before)
    }),
  )

  test(
    "parking again after a lost reply parks nothing twice",
    Effect.gen(function* () {
      const { queue, batch } = yield* claimed
      expect(yield* queue.park("1", LOT, versionsOf(batch, "a", "c"))).toBe(2)
      const before = yield* conserved
      expect(yield* queue.park("1", LOT, versionsOf(batch, "a", "c"))).toBe(0)
      expect(yield* conserved).toEqual(before)
      expect(yield* queue.park("1", LOT, versionsOf(batch, "b"))).toBe(1)
      expect(yield* queue.park("1", LOT, versionsOf(batch, "b"))).toBe(0)
      expect(parkedOf(yield* conserved)).toEqual({ [LOT]: 3 })
    }),
  )

  test(
    "versions of another batch, of none, and of a batch that is gone are not parked, and make no lot",
    Effect.gen(function* () {
      const { queue, outside, batch, lots } = yield* claimed
      const other = yield* queue.claim("2", 1, DATABASE)
      const before = yield* conserved
      expect(yield* queue.park("1", LOT, [...versionsOf(other, "d"), 7])).toBe(0)
      expect(yield* queue.park("1", LOT, [])).toBe(0)
      expect(yield* queue.park("never was", LOT, versionsOf(batch, "a"))).toBe(0)
      expect(yield* conserved).toEqual(before)
      // Another worker has recovered it: what it has is no longer this one's to park.
      yield* outside.expire("1")
      yield* queue.recover("1")
      expect(yield* queue.park("1", LOT, versionsOf(batch, "a", "b", "c"))).toBe(0)
      expect(yield* lots).toEqual([])
      expect(yield* conserved).toMatchObject({ waiting: { length: 4 }, inFlight: 1 })
    }),
  )
}

const unparks = ({ test }: Subject) => {
  test(
    "the oldest of a lot come back first, in order, and before what waits",
    Effect.gen(function* () {
      const { queue, batch, lots } = yield* claimed
      yield* queue.park("1", LOT, versionsOf(batch, "a", "b", "c"))
      expect(yield* queue.unpark(LOT, 2)).toBe(2)
      expect(yield* lots).toEqual([LOT])
      expect(keysOf(yield* queue.claim("2", 3, DATABASE))).toEqual(["a", "b", "d"])
      expect(yield* queue.unpark(LOT, 1)).toBe(1)
      // The last one left it: nobody is told of a lot that is empty.
      expect(yield* lots).toEqual([])
      expect(yield* queue.unpark(LOT, 1)).toBe(0)
      expect(keysOf(yield* queue.claim("3", 3, DATABASE))).toEqual(["c", "e"])
      expect(yield* conserved).toMatchObject({ inFlight: 5, parked: {} })
    }),
  )

  test(
    "a lot gives back its own writes and no other's",
    Effect.gen(function* () {
      const { queue, batch, lots } = yield* claimed
      yield* queue.park("1", LOT, versionsOf(batch, "a", "c"))
      yield* queue.park("1", `${LOT}.note`, versionsOf(batch, "b"))
      expect((yield* lots).toSorted()).toEqual([LOT, `${LOT}.note`])
      expect(yield* queue.unpark(`${LOT}.note`, 10)).toBe(1)
      expect(yield* queue.unpark("never was", 10)).toBe(0)
      expect(keysOf(yield* queue.claim("2", 10, DATABASE))).toEqual(["b", "d", "e"])
      expect(parkedOf(yield* conserved)).toEqual({ [LOT]: 2 })
    }),
  )

  test(
    "ten thousand writes are parked and put back at once",
    Effect.gen(function* () {
      const { queue, outside } = yield* claimed
      yield* queue.acknowledge("1", "Full", 0, [])
      const keys = Array.from({ length: 10_000 }, (_, i) => `key ${i}`)
      yield* outside.enqueue(writes(...keys))
      const batch = yield* queue.claim("2", 20_000, DATABASE)
      const versions = (batch?.items ?? []).map(({ version }) => version)
      expect(yield* queue.park("2", LOT, versions)).toBe(10_002)
      expect(parkedOf(yield* conserved)).toEqual({ [LOT]: 10_002 })
      expect(yield* queue.unpark(LOT, 20_000)).toBe(10_002)
      expect(keysOf(yield* queue.claim("3", 20_000, DATABASE))).toEqual(["d", "e", ...keys])
    }),
  )
}

const keeps = ({ test }: Subject) => {
  test(
    "what went silent with workers has a clean sheet when it comes back: a worker lived to park it",
    Effect.gen(function* () {
      const { queue, outside, batch } = yield* claimed
      for (let lostLeases = 1; lostLeases <= 3; lostLeases++) {
        yield* outside.expire("1")
        yield* queue.recover("1")
        if (lostLeases < 3) yield* queue.claim("1", 3, DATABASE)
      }
      expect(yield* queue.claim("2", 10, DATABASE)).toMatchObject({ lostLeases: 3 })
      yield* queue.park("2", LOT, versionsOf(batch, "a"))
      yield* queue.unpark(LOT, 10)
      const again = yield* queue.claim("3", 10, DATABASE)
      expect([keysOf(again), again?.lostLeases]).toEqual([["a"], 0])
    }),
  )

  test(
    "what somebody else pushed is counted once, and stays what it was",
    Effect.gen(function* () {
      const { queue, outside } = yield* claimed
      yield* outside.push('{"key":"pushed","value":"x"}')
      const batch = yield* queue.claim("2", 10, DATABASE)
      yield* queue.park("2", LOT, versionsOf(batch, "pushed"))
      yield* queue.unpark(LOT, 10)
      const again = yield* queue.claim("3", 10, DATABASE)
      expect(again?.items).toEqual(batch?.items.slice(-1))
      expect(yield* conserved).toMatchObject({ queued: 6 })
    }),
  )

  test(
    "when versions are lifted above the table's, parked writes are lifted as well, before the others",
    Effect.gen(function* () {
      const { queue, outside, batch } = yield* claimed
      yield* queue.park("1", LOT, versionsOf(batch, "a", "b", "c"))
      yield* outside.give("another")
      expect(yield* queue.seed(FAR_AHEAD, "another")).toBe("lifted")
      expect(parkedOf(yield* conserved)).toEqual({})
      const again = yield* queue.claim("2", 10, "another")
      expect(keysOf(again)).toEqual(["a", "b", "c", "d", "e"])
      const lifted = FAR_AHEAD + UNDER_WAY_MICROS
      expect(again?.items.map(({ version }) => version - lifted)).toEqual([1, 2, 3, 4, 5])
    }),
  )

  test(
    "a seed that lifts nothing leaves parked writes where they are",
    Effect.gen(function* () {
      const { queue, batch } = yield* claimed
      yield* queue.park("1", LOT, versionsOf(batch, "a"))
      expect(yield* queue.seed(0, DATABASE)).toBe("kept")
      expect(parkedOf(yield* conserved)).toEqual({ [LOT]: 1 })
    }),
  )
}

export const parkSuite = (subject: Subject) => {
  parks(subject)
  unparks(subject)
  keeps(subject)
}
