/** Parked writes as operators meet them over HTTP: looked at and purged like all that wait. */
import { describe, expect, test } from "vitest"
import { encodeWrite } from "../../../shared/item.ts"
import { keyValue } from "../../../shared/testing/write.ts"
import { REDIS_KINDS } from "../../testing/redis.ts"
import { useOperations } from "../testing/operations.ts"

const values = (...keys: ReadonlyArray<string>) => keys.map((key) => encodeWrite(keyValue(key)))

describe.each(REDIS_KINDS)("parked writes on a %s Redis", (kind) => {
  const { redis, handle, send, enqueue, park, balanced } = useOperations(kind)

  test("are shown after the others when they are parked, some of each lot", async () => {
    // As another build made it: what this one cannot read is shown whole.
    const first = await park("events", ...Array(2).fill('{"table":"events","row":{}}'))
    const many = Array.from({ length: 8 }, () => '{"table":"views_in_tests","row":{}}')
    await park("views_in_tests", ...many)
    await enqueue(...values("a", "b"))
    const { queue, parked } = await send("/queue?limit=8")
    const lots = queue.map((write: { parked?: string }) => write.parked ?? "")
    expect(lots).toEqual(["", "", "events", "events", ...Array(4).fill("views_in_tests")])
    expect(queue[2]).toEqual({
      ...{ version: first, parked: "events" },
      unreadable: `{"version":${first},"table":"events","row":{}}`,
    })
    expect(queue[4]).toMatchObject({ table: "views_in_tests", key: null, value: "{}" })
    expect(parked).toEqual({ events: 2, views_in_tests: 8 })
    await enqueue(...values("c", "d", "e"))
    const { queue: few } = await send("/queue?limit=5")
    expect(few.slice(0, 3)).toMatchObject([{ key: "a" }, { key: "b" }, { key: "c" }])
    expect(few.slice(3)).toMatchObject([{ parked: "events" }, { parked: "views_in_tests" }])
    expect((await send("/queue?limit=1")).queue).toMatchObject([{ key: "a" }])
  })

  const purge = async (confirm: number, newest?: number) => {
    const more = newest === undefined ? {} : { newest }
    const answer = await send("/queue", "DELETE", { confirm: String(confirm), ...more })
    await balanced()
    return answer
  }
  const left = async () => {
    const { queue, parked } = await send("/queue?limit=100")
    return { keys: queue.map(({ key }: { key: string }) => key), parked }
  }

  test("are purged after the others, the oldest first, and no more than was confirmed", async () => {
    await park("key_values", ...values("a", "b", "c"))
    await enqueue(...values("d", "e", "f", "g", "h", "i", "j", "k", "l", "m"))
    expect((await balanced()).parked).toEqual({ key_values: 3 })
    expect(await purge(11)).toMatchObject({ purged: 11, next: null })
    expect(await left()).toEqual({ keys: ["b", "c"], parked: { key_values: 2 } })
    expect(await balanced()).toMatchObject({ queue_depth: 2, writes_purged: 11 })
    expect(await purge(2)).toMatchObject({ purged: 2, next: null })
    expect(await left()).toEqual({ keys: [], parked: {} })
    const { queue_depth, oldest_age_seconds } = await balanced()
    expect([queue_depth, oldest_age_seconds]).toEqual([0, 0])
    expect(await redis().keys("*lot*")).toEqual([])
    // Ingest's own count of what waits, which is the limit's.
    expect((await handle().waiting()).writes).toBe(0)
  })

  test("that were there when somebody looked are purged: what came later stays where it is", async () => {
    await park("views_in_tests", '{"table":"views_in_tests","row":{"n":1}}')
    const { newest } = await handle().waiting()
    await park("key_values", ...values("later", "latest"))
    await enqueue(...values("last"))
    expect(await purge(4, newest)).toMatchObject({ purged: 1, next: null })
    expect(await left()).toEqual({
      ...{ keys: ["last", "later", "latest"], parked: { key_values: 2 } },
    })
    expect(await handle().unpark({ lot: "key_values", most: 10 })).toBe(2)
    expect(await left()).toEqual({ keys: ["later", "latest", "last"], parked: {} })
  })

  test("are purged from all lots, in as many calls as that takes", async () => {
    const texts = Array.from({ length: 700 }, (_, at) => `key ${at}`)
    for (const lot of ["key_values", "events.note", "views_in_tests"]) {
      await park(lot, ...values(...texts))
    }
    await enqueue(...values(...texts))
    expect(await purge(2_800)).toMatchObject({ purged: 2_800, next: null })
    expect(await balanced()).toMatchObject({ queue_depth: 0, parked: {}, writes_purged: 2_800 })
  })

  test("that are purged are forgotten as what a worker went silent with", async () => {
    const version = await park("key_values", ...values("a"))
    await redis().hset(handle().keys.lostLeases, version, 3)
    await purge(1)
    expect(await redis().exists(handle().keys.lostLeases)).toBe(0)
  })
})
