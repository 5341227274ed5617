/** The operators' calls over several shards: whatever they show or do, they do to all lists. */
import { describe, expect, test } from "vitest"
import { REDIS_KINDS } from "../../testing/redis.ts"
import { DATABASE, useShards } from "../testing/shards.ts"

describe.each(REDIS_KINDS)("operations on three shards of a %s Redis", (kind) => {
  const { redis, shards, send, list, enqueue, bury, balanced, audited } = useShards(3, kind)
  const keys = (rows: ReadonlyArray<{ key: string }>) => rows.map(({ key }) => key)
  const versions = (dead: ReadonlyArray<{ version: number }>) => dead.map(({ version }) => version)
  const seedAll = () =>
    Promise.all(
      shards()
        .every()
        .map(({ queue }) => queue.seed({ highest: 0, database: DATABASE })),
    )

  test("show the oldest writes of all, and how many are set aside", async () => {
    await enqueue(2, "a")
    await enqueue(0, "b", "c")
    await enqueue(2, "d")
    await redis().lpush("write_queue", '{"version":1,"key":"pushed","value":"v"}')
    expect(keys((await send("/queue")).queue)).toEqual(["pushed", "a", "b", "c", "d"])
    expect(keys((await send("/queue?limit=3")).queue)).toEqual(["pushed", "a", "b"])
    await seedAll()
    for (const [at, of] of [1, 3].entries()) {
      const { queue } = list(of)
      const id = String(at)
      const limits = { most: 1, mostBytes: 1e6, lease: 10_000, database: DATABASE }
      const [item = ""] = (await queue.claim({ id, ...limits }))?.items ?? []
      const parked = [String(JSON.parse(item).version)]
      await queue.park({ id, lot: "events", versions: parked })
    }
    const looked = await send("/queue")
    expect(looked.parked).toEqual({ events: 2 })
    expect(keys(looked.queue)).toEqual(["pushed", "c", "d", "b", "a"])
    expect(await send("/stats")).toMatchObject({ queue_depth: 5, parked: { events: 2 } })
  })

  test("page through the dead letters of all, however many come meanwhile", async () => {
    await bury(0, 1, 2)
    await bury(1, 11, 12, 13)
    await bury(3, 31)
    const first = await send("/dead?limit=4")
    expect([versions(first.dead), first.total]).toEqual([[1, 2, 11, 12], 6])
    await bury(0, 3, 4)
    await bury(1, 14)
    const rest = await send(`/dead?limit=10&after=${first.next}`)
    expect([versions(rest.dead), rest.next]).toEqual([[13, 14, 31], null])
    expect((await send("/dead/reasons")).reasons).toEqual([{ reason: "bad", writes: 9 }])
  })

  test("move what was there when somebody looked, and nothing that came later to any", async () => {
    await bury(0, 1, 2)
    await bury(1, 11, 12)
    await bury(3, 31)
    const { newest: until } = await send("/dead")
    await bury(0, 3)
    await bury(2, 21)
    await bury(3, 32)
    const some = await send("/dead", "DELETE", { all: true, until, most: 3 })
    expect([some.discarded, some.next]).toEqual([3, null])
    const { newest } = await send("/dead")
    expect(await send("/dead", "DELETE", { all: true, until })).toMatchObject({
      ...{ status: 409, type: "/problems/dead-letters-changed" },
    })
    expect(await send("/dead", "DELETE", { all: true, until: newest })).toMatchObject({
      ...{ discarded: 5, next: null },
    })
    expect(await balanced()).toMatchObject({ writes_discarded: 8, dead_letters: 0 })
  })

  test("go on in the next list where one is done, and what was its newest is gone", async () => {
    await bury(0, 1, 2)
    await bury(1, 11, 12)
    const { newest: until } = await send("/dead")
    const { next } = await send("/dead?limit=2")
    await send("/dead", "DELETE", { versions: [1, 2] })
    const body = { all: true, until, after: next }
    expect(await send("/dead/replay", "POST", body)).toMatchObject({ replayed: 2, next: null })
    expect(await redis().llen("{write_queue:0}")).toBe(2)
  })

  test("find versions in whichever list they are, and put each back where it was", async () => {
    await bury(1, 11, 12)
    await bury(3, 31)
    const named = { versions: [31, 11, 99] }
    expect(await send("/dead/replay", "POST", named)).toMatchObject({ replayed: 2, missing: [99] })
    expect(await redis().lrange("{write_queue:2}", 0, -1)).toEqual([expect.stringContaining("31")])
    expect(await balanced()).toMatchObject({ queue_depth: 2, dead_letters: 1 })
  })

  test("purge what waited in all when it was confirmed, and nothing that came later", async () => {
    await enqueue(0, ...Array.from({ length: 30 }, (_, at) => `a${at}`))
    await enqueue(1, "b")
    await enqueue(2, "c", "d")
    await redis().lpush("write_queue", '{"key":"pushed","value":"v"}')
    const purged = await send("/queue", "DELETE", { confirm: "34" })
    expect(purged).toMatchObject({ purged: 34, next: null })
    expect(await balanced()).toMatchObject({ queue_depth: 0, writes_purged: 34 })

    // As on a server whose clock is ahead of the others'.
    const { counters } = list(1).queue.keys
    await redis().hset(counters, "version", (Date.now() + 60_000) * 1_000)
    await enqueue(0, "e", "f")
    await enqueue(2, "g", "h")
    const newest = [0, 1, 2, 3].map(async (at) => (await list(at).queue.waiting()).newest)
    const seen = await Promise.all(newest)
    const later = Array.from({ length: 40 }, (_, at) => `later ${at}`)
    await enqueue(1, ...later)
    await enqueue(0, "last")
    const rest = await send("/queue", "DELETE", { confirm: "4", newest: seen })
    expect(rest).toMatchObject({ purged: 4, next: null })
    expect(keys((await send("/queue?limit=100")).queue)).toEqual([...later, "last"])
    expect(audited).toContainEqual({ action: "purge", writes: 34 })
  })

  test("pause, resume and adopt every list", async () => {
    const marks = (name: string) =>
      Promise.all(
        shards()
          .every()
          .map(({ queue }) => redis().hget(queue.keys.counters, name)),
      )
    await send("/worker/pause", "POST")
    expect(await marks("paused")).toEqual(["1", "1", "1", "1"])
    expect(await balanced()).toMatchObject({ paused: true })
    await send("/worker/resume", "POST")
    expect(await marks("paused")).toEqual([null, null, null, null])
    expect(await send("/queue/adopt", "POST")).toMatchObject({ database: DATABASE })
    expect(await marks("database")).toEqual(Array(4).fill(DATABASE))
  })

  describe("that change how many there are", () => {
    const change = (to: unknown) => send("/queue/shards", "POST", { shards: to })

    test("do so, and say from how many", async () => {
      await enqueue(0, "a")
      await seedAll()
      const { status, ...changed } = await change(6)
      expect([status, changed]).toEqual([200, { success: true, from: 3, shards: 6 }])
      expect(audited).toEqual([{ action: "shards", from: 3, shards: 6 }])
      const { shards: all, ...stats } = await balanced()
      expect(stats.queue_depth).toBe(1)
      expect(all.map(({ current }: { current: boolean }) => current)).toEqual([
        ...[false, true, true, true, true, true, true],
      ])
      expect(await change(1)).toMatchObject({ from: 6, shards: 1 })
      const { shards: after } = await balanced()
      expect(after).toHaveLength(7)
      expect(after[0]).toMatchObject({ shard: "write_queue", current: true })
      expect(after[1]).toMatchObject({ shard: "0", current: false, queue_depth: 1 })
    })

    test("say that another change is under way, and to how many", async () => {
      await shards().home.queue.planLayout({ shards: 4 })
      const refused = await change(6)
      expect(refused).toMatchObject({ status: 409, type: "/problems/shards-changing" })
      expect(refused.detail).toContain("A change to 4 shards")
      expect(await change(4)).toMatchObject({ status: 200, from: 3, shards: 4 })
    })

    test("say that a worker has to look at the first writes", async () => {
      await enqueue(0, "a")
      expect(await change(6)).toMatchObject({ status: 409, type: "/problems/shards-unseeded" })
      expect((await balanced()).shards).toHaveLength(7)
      expect(audited).toEqual([])
    })

    test("say that a shard does not answer", async () => {
      shards().current()[1]?.redis.disconnect()
      expect(await change(2)).toMatchObject({ status: 503, type: "/problems/shard-unavailable" })
      expect(audited).toEqual([])
    })

    test.each([0, 1_025, 1.5, "6", null])("take a number of shards and no %s", async (to) => {
      expect(await change(to)).toMatchObject({ status: 422, type: "/problems/invalid-request" })
    })
  })
})
