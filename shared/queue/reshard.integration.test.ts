/** The number of shards, changed while writes flow. */
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { REDIS_KINDS, useRedis } from "../../services/testing/redis.ts"
import { isRefusal } from "../redis/redis.ts"
import { openShards, type Shard, type Shards } from "./open-shards.ts"
import { changeShards } from "./reshard.ts"

const DATABASE = "1/db/public"
const WRITE = '{"key":"a","value":"v"}'

describe.each(REDIS_KINDS)("the shards of a %s Redis", (kind) => {
  const server = useRedis(kind, { own: true })
  let shards: Shards

  const open = (first = 1) =>
    openShards({ url: server().url, queue: "write_queue", program: "test", first })
  beforeEach(async () => {
    await server().connection.flushall()
    shards = await open()
  })
  afterEach(() => shards.close())

  const enqueue = (count: number, shard = 0, all = shards.current(), writes = [WRITE]) =>
    (all[shard] as Shard).queue.enqueue({
      ...{ most: 1_000, isFirst: false, shards: count, shard },
      writes,
    })
  const refused = (count: number, shard = 0, all = shards.current()) =>
    enqueue(count, shard, all).then(
      () => null,
      (error) => isRefusal(error) && error.message,
    )
  const names = (all: ReadonlyArray<Shard>) => all.map(({ name }) => name)
  const seed = (all: ReadonlyArray<Shard>) =>
    Promise.all(all.map(({ queue }) => queue.seed({ highest: 0, database: DATABASE })))
  const claim = async ({ queue }: Shard, id = "1") =>
    (await queue.claim({ id, most: 100, mostBytes: 1e6, lease: 1_000, database: DATABASE }))?.items
  const versionsIn = (items: ReadonlyArray<string> = []) =>
    items.map((item) => JSON.parse(item).version as number)
  const pairs = [
    [1, 6],
    [6, 2],
    [2, 1],
    [1, 4],
  ] as const

  test("are one list of the queue's own name, and leave nothing else in Redis, until somebody wants more", async () => {
    expect(shards.layout()).toEqual({ shards: 1, ever: 0, to: null })
    expect(names(shards.current())).toEqual(["write_queue"])
    expect(await server().connection.keys("*")).toEqual([])
  })

  test("are as many as the first who asks says, and no more when something has ever been there", async () => {
    await shards.home.queue.heartbeat({ worker: "w", lease: 1_000, hold: "", most: 1, ids: [] })
    const several = await open(3)
    expect(names(several.current())).toHaveLength(3)
    expect(await refused(1)).toMatch(/^LAYOUT/)
    // A worker's heartbeat is nothing yet, whoever was first.
    const other = await open(5)
    expect(names(other.current())).toHaveLength(3)
    await server().connection.flushall()
    await enqueue(1)
    const late = await open(5)
    expect(names(late.current())).toEqual(["write_queue"])
    for (const each of [several, other, late]) each.close()
  })

  test("take only writes of the layout, which is never two", async () => {
    for (const [from, to] of pairs) {
      const before = shards.current()
      await Promise.all(before.map((_, shard) => enqueue(from, shard, before)))
      await seed(before)
      expect(await changeShards(shards, to)).toEqual({ from })
      expect(shards.layout()).toMatchObject({ shards: to, ever: 6 })
      for (const [shard] of before.entries()) {
        expect(await refused(from, shard, before)).toMatch(/^LAYOUT/)
      }
      for (const [shard] of shards.current().entries()) expect(await refused(to, shard)).toBeNull()
    }
  })

  test("issue versions above all that were issued by the layout before, and none twice", async () => {
    const seen = new Set<number>()
    for (const [from, to] of pairs) {
      const issued: number[] = []
      const before = shards.current()
      for (const [shard] of before.entries()) {
        // As on a server whose clock is ahead of the others'.
        const { counters = "" } = before[shard]?.queue.keys ?? {}
        const version = Number(await server().connection.hget(counters, "version"))
        const ahead = Math.max(version, Date.now() * 1_000) + shard * 10_000_000
        await server().connection.hset(counters, "version", ahead)
        const writes = Array.from({ length: 50 }, () => WRITE)
        const { first, step, taken } = await enqueue(from, shard, before, writes)
        issued.push(...Array.from({ length: taken }, (_, at) => first + at * step))
      }
      const highest = Math.max(...seen)
      for (const version of issued) {
        if (seen.size > 0) expect(version).toBeGreaterThan(highest)
        expect(seen).not.toContain(version)
        seen.add(version)
      }
      await seed(before)
      await changeShards(shards, to)
    }
    expect(seen.size).toBe(50 * (1 + 6 + 2 + 1))
  })

  test("give versions of their own to what others push onto the queue's own list", async () => {
    await changeShards(shards, 3)
    await seed(shards.every())
    const writes = Array.from({ length: 30 }, () => WRITE)
    await server().connection.lpush("write_queue", ...writes)
    const pushed = versionsIn(await claim(shards.home))
    const others: number[] = []
    for (const [shard, each] of shards.current().entries()) {
      await enqueue(3, shard, shards.current(), writes)
      others.push(...versionsIn(await claim(each)))
    }
    expect(pushed.map((version) => version % 4)).toEqual(pushed.map(() => 3))
    expect(new Set([...pushed, ...others]).size).toBe(120)
  })

  test("that were left are served on: what waits there is nobody's to lose", async () => {
    const { first } = await enqueue(1)
    await seed(shards.current())
    await changeShards(shards, 2)
    expect(names(shards.every())).toEqual(["write_queue", "{write_queue:0}", "{write_queue:1}"])
    expect(versionsIn(await claim(shards.home))).toEqual([first])
  })

  test("go on with what they follow: seeded, paused, and of the same database", async () => {
    await enqueue(1)
    await seed(shards.current())
    await shards.home.queue.pause({ isPaused: true })
    await changeShards(shards, 2)
    for (const { queue } of shards.current()) {
      const counters = await server().connection.hgetall(queue.keys.counters)
      expect(counters).toMatchObject({ seeded: "1", paused: "1", database: DATABASE, layout: "2" })
    }
  })

  test("stay as they are while a worker may yet lift the versions of what waits", async () => {
    await enqueue(1)
    await expect(changeShards(shards, 2)).rejects.toThrow(/^UNSEEDED/)
    expect(await refused(1)).toBeNull()
    expect(await shards.refresh()).toMatchObject({ shards: 1, to: null })
  })

  test("are changed by one operator at a time, and a change that broke off is done again", async () => {
    await enqueue(1)
    await seed(shards.current())
    await shards.home.queue.planLayout({ shards: 2 })
    await shards.home.queue.closeShard({
      ...{ shards: 2, least: 0, step: 3, residue: 2, isSeeded: false, database: "" },
    })
    expect(await refused(1)).toMatch(/^LAYOUT/)
    expect(await changeShards(shards, 5)).toEqual({ to: 2 })
    expect(await changeShards(shards, 2)).toEqual({ from: 1 })
    expect(await refused(2)).toBeNull()
    expect(await changeShards(shards, 5)).toEqual({ from: 2 })
  })

  test("are what they were when the node of the queue's own list has lost its data", async () => {
    await changeShards(shards, 3)
    await server().connection.del("write_queue", "{write_queue}:layout", "{write_queue}:counters")
    expect(await shards.refresh()).toMatchObject({ shards: 3, ever: 3 })
    expect(await refused(1, 0, [shards.home])).toMatch(/^LAYOUT/)
    expect(await refused(3)).toBeNull()
  })

  test("stay as they are while one that has lost its data may have rows above what the others issue", async () => {
    await changeShards(shards, 2)
    for (const shard of [0, 1]) await enqueue(2, shard)
    await seed(shards.every())
    const [, lost] = shards.current()
    await server().connection.del(lost?.queue.keys.counters ?? "", lost?.name ?? "")
    await expect(changeShards(shards, 3)).rejects.toThrow(/lost its data/)
    for (const shard of [0, 1]) expect(await refused(2, shard)).toBeNull()
    await seed(shards.every())
    expect(await changeShards(shards, 3)).toEqual({ from: 2 })
  })

  test("that have lost their data take the writes of the layout that ingest has seen", async () => {
    await changeShards(shards, 2)
    const [, lost] = shards.current()
    await server().connection.del(lost?.queue.keys.counters ?? "")
    const { first, step } = await enqueue(2, 1)
    expect([step, first % 3]).toEqual([3, 1])
    expect(await refused(3, 1)).toMatch(/^LAYOUT/)
  })
})
