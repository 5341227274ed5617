/** What becomes of parked writes when versions are lifted, and when an operator purges. */
import { describe, expect, test } from "vitest"
import { REDIS_KINDS } from "../../services/testing/redis.ts"
import { DATABASE, keysOf, MANY, numbered, useParking, versionsOf } from "../testing/parking.ts"
import { UNDER_WAY_MICROS } from "./seed.ts"

describe.each(REDIS_KINDS)("parked writes of a %s Redis", (kind) => {
  const { redis, queue, enqueue, claim, park, lotOf, batchOf, waiting, conserved } =
    useParking(kind)

  describe("seed", () => {
    const HIGH = 9_000_000_000_000_000

    test("that lifts versions lifts those of parked writes first, in the order they had", async () => {
      const parked = numbered("parked", MANY)
      await park("orders_in_tests", parked)
      await enqueue(["later", "latest"])
      expect(await queue().own({ database: "2/db/public" })).toBe("2/db/public")
      const seeded = await queue().seed({ highest: HIGH, database: "2/db/public" })
      expect(seeded).toBe("lifted")
      const items = await waiting()
      expect(keysOf(items)).toEqual([...parked, "later", "latest"])
      const versions = versionsOf(items)
      expect(versions[0]).toBeGreaterThan(HIGH)
      expect(versions).toEqual(versions.map((_, index) => versions[0] + index))
      expect((await conserved()).parked).toEqual(new Map())
      expect((await enqueue(["new"])).first).toBeGreaterThan(versions.at(-1))
    })

    test("of the slower of two workers, which saw rows of the faster one, changes nothing", async () => {
      await queue().seed({ highest: 0, database: DATABASE })
      const { first } = await enqueue(["a", "b"])
      expect(await queue().seed({ highest: HIGH, database: DATABASE })).toBe("kept")
      expect(versionsOf(await waiting())).toEqual([first, first + 1])
    })

    test("that keeps versions, or waits for batches, leaves what is parked where it is", async () => {
      const versions = await park("orders_in_tests", ["a"])
      const [version = 0] = versions
      const highest = version - UNDER_WAY_MICROS
      const forget = () => redis().hdel(queue().keys.counters, "seeded")
      await forget()
      expect(await queue().seed({ highest, database: DATABASE })).toBe("kept")
      await enqueue(["b"])
      await claim("2")
      await forget()
      expect(await queue().seed({ highest: HIGH, database: DATABASE })).toBe("waits")
      expect(versionsOf(await lotOf("orders_in_tests"))).toEqual(versions)
      expect(await conserved()).toMatchObject({ depth: 1, inFlight: 1 })
    })
  })

  describe("purge", () => {
    const newest = async () => (await queue().waiting()).newest

    test("takes parked writes after the others, and their lots when nothing is left", async () => {
      await park("orders_in_tests", ["a", "b", "c"])
      await enqueue(["d", "e"])
      const seen = await newest()
      expect(await queue().purge({ most: 1, newest: seen })).toBe(1)
      expect(keysOf(await waiting())).toEqual(["e"])
      expect(await queue().purge({ most: 3, newest: seen })).toBe(3)
      expect(await waiting()).toEqual([])
      expect(keysOf(await lotOf("orders_in_tests"))).toEqual(["c"])
      expect((await conserved()).parked).toEqual(new Map([["orders_in_tests", 1]]))
      expect(await queue().purge({ most: 3, newest: seen })).toBe(1)
      expect(await queue().purge({ most: 3, newest: seen })).toBe(0)
      const { counters, parked } = await conserved()
      expect([counters.get("failed"), counters.get("purged")]).toEqual(["5", "5"])
      expect(parked).toEqual(new Map())
      expect(await redis().exists(queue().keys.lots)).toBe(0)
    })

    test("leaves what came later parked, in its order, and takes all else whatever that is", async () => {
      await park("older", ["a", "b"])
      await enqueue(["c", "d"])
      const seen = await newest()
      // What an operator saw is claimed and parked meanwhile, and so is what came later.
      expect(keysOf(await claim("1", 1))).toEqual(["c"])
      const [c = ""] = versionsOf(await batchOf("1")).map(String)
      await enqueue(numbered("later", 20))
      const rest = await claim("2")
      await queue().park({ id: "1", lot: "newer", versions: [c] })
      await queue().park({ id: "2", lot: "newer", versions: versionsOf(rest).map(String) })
      await park("newest", numbered("latest", 20))
      await enqueue(["last"])
      expect(await queue().purge({ most: 10, newest: seen })).toBe(4)
      expect(keysOf(await waiting())).toEqual(["last"])
      expect(keysOf(await lotOf("newer"))).toEqual(numbered("later", 20))
      expect(keysOf(await lotOf("newest"))).toEqual(numbered("latest", 20))
      expect(await redis().exists(`${queue().keys.lotPrefix}older`)).toBe(0)
      expect(await conserved()).toMatchObject({ depth: 41 })
      expect(await queue().purge({ most: 10, newest: seen })).toBe(0)
    })

    test("forgets that workers went silent with a parked write which it takes", async () => {
      const [version = 0] = await park("orders_in_tests", ["a"])
      await redis().hset(queue().keys.lostLeases, String(version), 2)
      expect(await queue().purge({ most: 1, newest: version })).toBe(1)
      expect(await redis().exists(queue().keys.lostLeases)).toBe(0)
    })
  })
})
