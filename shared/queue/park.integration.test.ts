/** Writes that are set aside: where they stand, that they count, and that nothing but their order is kept. */
import { describe, expect, test } from "vitest"
import { REDIS_KINDS } from "../../services/testing/redis.ts"
import { keysOf, LEASE_MILLIS, MANY, numbered, useParking, versionsOf } from "../testing/parking.ts"

describe.each(REDIS_KINDS)("parked writes of a %s Redis", (kind) => {
  const { redis, queue, enqueue, claim, park, lotOf, batchOf, waiting, conserved } =
    useParking(kind)

  describe("park", () => {
    test("sets the named writes of a batch aside in their order, and leaves the others in it", async () => {
      await enqueue(["a", "b", "c", "d", "e"])
      const items = await claim("1")
      const [, b = "", , d = ""] = versionsOf(items).map(String)
      expect(await queue().park({ id: "1", lot: "orders_in_tests", versions: [d, b] })).toBe(2)
      expect(keysOf(await lotOf("orders_in_tests"))).toEqual(["b", "d"])
      expect(await batchOf("1")).toEqual([items[0], items[2], items[4]])
      expect(await redis().zscore(queue().keys.leases, "1")).not.toBeNull()
      expect(await conserved()).toMatchObject({ depth: 2, inFlight: 3 })
      expect((await queue().snapshot({})).parked).toEqual(new Map([["orders_in_tests", 2]]))
      expect(
        await queue().acknowledge({ id: "1", closing: "Full", coalesced: 0, letters: [] }),
      ).toBe(3)
      const { counters } = await conserved()
      expect([counters.get("processed"), counters.get("parked")]).toEqual(["3", "2"])
    })

    test("puts what comes later behind what a lot has, and each lot is its own", async () => {
      await park("orders_in_tests", ["a", "b"])
      await park("orders_in_tests", ["c"])
      await park("orders_in_tests.note", ["d"])
      expect(keysOf(await lotOf("orders_in_tests"))).toEqual(["a", "b", "c"])
      expect(keysOf(await lotOf("orders_in_tests.note"))).toEqual(["d"])
      expect((await conserved()).parked).toEqual(
        new Map([
          ["orders_in_tests", 3],
          ["orders_in_tests.note", 1],
        ]),
      )
    })

    test("forgets that workers went silent with a write: this one has not", async () => {
      await enqueue(["a", "b"])
      const [a = "", b = ""] = versionsOf(await claim("1")).map(String)
      await redis().hset(queue().keys.lostLeases, { [a]: "2", [b]: "2" })
      await queue().park({ id: "1", lot: "orders_in_tests", versions: [a] })
      expect(await redis().hgetall(queue().keys.lostLeases)).toEqual({ [b]: "2" })
    })

    test("has so many lots, whatever others push: all beyond share one", async () => {
      const { keys } = queue()
      await redis().sadd(keys.lots, ...Array.from({ length: 256 }, (_, number) => `lot${number}`))
      await enqueue(["a", "b"])
      const [a = "", b = ""] = versionsOf(await claim("1")).map(String)
      await queue().park({ id: "1", lot: "one more", versions: [a] })
      await queue().park({ id: "1", lot: "lot7", versions: [b] })
      expect(keysOf(await lotOf("*"))).toEqual(["a"])
      expect(keysOf(await lotOf("lot7"))).toEqual(["b"])
      expect(await queue().unpark({ lot: "*", most: 10 })).toBe(1)
    })

    test("ends a batch of which nothing is left, and its lease", async () => {
      await park("orders_in_tests", ["a", "b"])
      expect(await redis().exists(queue().keys.batch("orders_in_tests"))).toBe(0)
      expect(await redis().zcard(queue().keys.leases)).toBe(0)
      expect(await queue().recover({ id: "orders_in_tests" })).toBe(0)
      expect(await conserved()).toMatchObject({ depth: 2, inFlight: 0 })
    })

    test("does nothing twice, and nothing for a version or a batch that is not there", async () => {
      const versions = (await park("orders_in_tests", ["a"])).map(String)
      expect(await queue().park({ id: "orders_in_tests", lot: "orders_in_tests", versions })).toBe(
        0,
      )
      await enqueue(["b"])
      const [item] = await claim("2")
      expect(await queue().park({ id: "2", lot: "other", versions: ["1", "x", ""] })).toBe(0)
      expect(await queue().park({ id: "2", lot: "other", versions: [] })).toBe(0)
      expect(await queue().park({ id: "3", lot: "other", versions })).toBe(0)
      expect(await batchOf("2")).toEqual([item])
      expect(await redis().smembers(queue().keys.lots)).toEqual(["orders_in_tests"])
      expect(await conserved()).toMatchObject({ depth: 1, inFlight: 1 })
    })

    test("takes more writes than one command of Redis has room for", async () => {
      const keys = numbered("key", MANY)
      await park("orders_in_tests", keys)
      expect(keysOf(await lotOf("orders_in_tests"))).toEqual(keys)
      await conserved()
    })
  })

  describe("what is parked", () => {
    test("is not looked at and not claimed, and workers hear of its lots", async () => {
      await park("orders_in_tests", ["a", "b"])
      expect(await queue().look({})).toMatchObject({ depth: 0 })
      expect(await claim("2")).toEqual([])
      await enqueue(["c"])
      expect(await queue().look({})).toMatchObject({ depth: 1 })
      expect(keysOf(await claim("2"))).toEqual(["c"])
      const worker = { worker: "w", lease: LEASE_MILLIS, hold: "", most: 10, ids: ["2"] }
      expect(await queue().heartbeat(worker)).toEqual({
        lost: [],
        expired: [],
        lots: ["orders_in_tests"],
        able: ["w"],
      })
    })

    test("counts for the limit of the queue and the depth that ingest answers", async () => {
      await park("orders_in_tests", ["a", "b", "c"])
      expect(await enqueue([], 5)).toMatchObject({ depth: 3, taken: 0 })
      expect(await enqueue(["d", "e", "f", "g"], 5)).toMatchObject({ depth: 5, taken: 2 })
      expect(await enqueue(["f"], 5)).toMatchObject({ depth: 5, taken: 0 })
      expect(await conserved()).toMatchObject({ depth: 5 })
      await queue().unpark({ lot: "orders_in_tests", most: 10 })
      expect(await enqueue(["f"], 5)).toMatchObject({ depth: 5, taken: 0 })
      expect(await enqueue(["f"], 6)).toMatchObject({ depth: 6, taken: 1 })
      await conserved()
    })

    test("is as old as it was: the oldest of all is the oldest of a lot", async () => {
      const [first = 0] = await park("orders_in_tests", ["a", "b"])
      const [other = 0] = await park("others", ["c"])
      expect(other).toBeGreaterThan(first)
      const { first: last } = await enqueue(["d"])
      expect((await conserved()).oldestAt).toBe(first)
      await queue().purge({ most: 3, newest: last })
      expect((await conserved()).oldestAt).not.toBe(first)
    })
  })

  describe("unpark", () => {
    test("puts so many of the oldest of a lot where they are claimed next, in their order", async () => {
      await park("orders_in_tests", ["a", "b", "c"])
      await park("others", ["x"])
      await enqueue(["d"])
      expect(await queue().unpark({ lot: "orders_in_tests", most: 2 })).toBe(2)
      expect(keysOf(await waiting())).toEqual(["a", "b", "d"])
      expect((await conserved()).parked).toEqual(
        new Map([
          ["orders_in_tests", 1],
          ["others", 1],
        ]),
      )
      expect(keysOf(await claim("2", 2))).toEqual(["a", "b"])
      expect(await queue().unpark({ lot: "orders_in_tests", most: 2 })).toBe(1)
      expect(keysOf(await waiting())).toEqual(["c", "d"])
      expect((await conserved()).parked).toEqual(new Map([["others", 1]]))
    })

    test("of a lot that is empty, or no lot, does nothing and fails for nobody", async () => {
      await park("orders_in_tests", ["a"])
      expect(await queue().unpark({ lot: "orders_in_tests", most: 1 })).toBe(1)
      expect(await redis().smembers(queue().keys.lots)).toEqual([])
      for (const lot of ["orders_in_tests", "none"])
        expect(await queue().unpark({ lot, most: 1 })).toBe(0)
      expect(keysOf(await waiting())).toEqual(["a"])
      expect(await conserved()).toMatchObject({ depth: 1, parked: new Map() })
    })

    test("and park work while Redis is full, so that what is accepted drains", async () => {
      await enqueue(["a", "b"])
      const versions = versionsOf(await claim("1")).map(String)
      await redis().config("SET", "maxmemory", "1")
      try {
        await expect(enqueue(["c"])).rejects.toThrow(/^OOM/)
        expect(await queue().park({ id: "1", lot: "orders_in_tests", versions })).toBe(2)
        expect(await queue().unpark({ lot: "orders_in_tests", most: 10 })).toBe(2)
      } finally {
        await redis().config("SET", "maxmemory", "0")
      }
      expect(keysOf(await waiting())).toEqual(["a", "b"])
    })
  })
})
