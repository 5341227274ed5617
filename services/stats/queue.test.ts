import { describe, expect, test, vi } from "vitest"
import { snapshot as script } from "../../shared/queue/snapshot.ts"
import type { Connection } from "../../shared/redis/redis.ts"
import { makeCount, toCount, toDurability } from "./queue.ts"

const NOW_SECONDS = 1_795_327_500
const NOW = NOW_SECONDS * 1_000_000

/** What the script returns, in its order. */
const snapshot = (
  counters: Readonly<Record<string, number | string>>,
  {
    depth = 0,
    inFlight = 0,
    workers = 0,
    dead = 0,
    oldest = 0,
    held = [] as string[],
    parked = [] as Array<[string, number]>,
  } = {},
) => {
  const flat = Object.entries(counters).flatMap(([name, count]) => [name, String(count)])
  return script.reply([NOW, depth, inFlight, workers, dead, oldest, 0, held, flat, parked])
}

describe("the statistics", () => {
  test("are the counters, and what waits and is in flight", () => {
    const counters = {
      ...{ version: NOW, queued: 12_450, processed: 12_402, failed: 3, coalesced: 40 },
      ...{ redelivered: 7, since: NOW_SECONDS - 60, seeded: 1 },
      ...{ "window:Full": 30, "window:Quiet": 4 },
    }
    const found = toCount(
      snapshot(counters, { depth: 44, inFlight: 1, workers: 2, dead: 3, oldest: NOW - 1_500_000 }),
    )
    expect(found).toEqual({
      stats: {
        queue_depth: 44,
        writes_queued: 12_450,
        writes_processed: 12_402,
        writes_failed: 3,
        processing_rate: 0,
        in_flight: 1,
        writes_coalesced: 40,
        writes_discarded: 0,
        writes_purged: 0,
        redelivered: 7,
        oldest_age_seconds: 1.5,
        workers: 2,
        paused: false,
        held: [],
        parked: {},
        dead_letters: 3,
        since: new Date((NOW_SECONDS - 60) * 1_000).toISOString(),
      },
      windows: { Full: 30, Asked: 0, Elapsed: 0, Quiet: 4 },
    })
  })

  test("of a queue that nobody has used are zero, since no time", () => {
    const { stats } = toCount(snapshot({}))
    const { since, held, parked, paused, ...figures } = stats
    expect([held, parked, paused]).toEqual([[], {}, false])
    expect(since).toBeNull()
    expect(Object.values(figures)).toEqual(Array(Object.keys(figures).length).fill(0))
  })

  test("have no negative age when versions run ahead of the clock", () => {
    const { stats } = toCount(snapshot({}, { depth: 1, oldest: NOW + 5 }))
    expect(stats.oldest_age_seconds).toBe(0)
  })

  test("say once why workers hold, however many do", () => {
    const held = ["SQLSTATE 42P01", "SQLSTATE 42P01\nevents: no table", "ECONNREFUSED"]
    expect(toCount(snapshot({}, { depth: 1, workers: 3, held })).stats.held).toEqual([
      ...["SQLSTATE 42P01", "events: no table", "ECONNREFUSED"],
    ])
  })

  test("say how many writes are parked in which lot", () => {
    const parked: Array<[string, number]> = [
      ["events.note", 2],
      ["empty", 0],
    ]
    expect(toCount(snapshot({}, { depth: 2, parked })).stats.parked).toEqual({ "events.note": 2 })
  })
})

const settings = (values: Readonly<Record<string, string>>) => ({
  ...{ appendonly: "yes", appendfsync: "always", save: "" },
  ...{ maxmemory: "0", "maxmemory-policy": "noeviction" },
  ...values,
})

const info = async () => "role:master"
const NO_QUEUE = { snapshot: () => Promise.reject(new Error("not asked")) }

describe("durability", () => {
  test.each([
    [{}, "aof-always"],
    [{ appendfsync: "everysec" }, "aof-everysec"],
    [{ appendfsync: "no" }, "aof-no"],
    [{ appendonly: "no", save: "3600 1 300 100" }, "snapshots"],
    [{ appendonly: "no" }, "memory"],
    [{ appendfsync: "sometimes" }, "unknown"],
  ])("with %j is %s", (values, mode) => {
    expect(toDurability(new Map(Object.entries(settings(values))))).toEqual({
      mode,
      canEvict: false,
    })
  })

  test.each([
    ["0", "allkeys-lru", false],
    ["1048576", "allkeys-lru", true],
    ["1048576", "volatile-ttl", true],
    ["1048576", "noeviction", false],
  ])("with maxmemory %s and %s can evict: %s", (maxmemory, policy, canEvict) => {
    const found = toDurability(
      new Map(Object.entries(settings({ maxmemory, "maxmemory-policy": policy }))),
    )
    expect(found).toEqual({ mode: "aof-always", canEvict })
  })

  test("is asked of Redis every five seconds and no more often", async () => {
    const clock = vi.spyOn(performance, "now").mockReturnValue(1)
    const config = vi.fn(async () => Object.entries(settings({})).flat())
    const { durability } = makeCount({ config, info } as unknown as Connection, NO_QUEUE)
    await Promise.all([durability(), durability()])
    await durability()
    expect(config).toHaveBeenCalledTimes(1)
    clock.mockReturnValue(5_002)
    expect((await durability()).mode).toBe("aof-always")
    expect(config).toHaveBeenCalledTimes(2)
    vi.restoreAllMocks()
  })

  test("is unknown while Redis does not say, and is asked for again", async () => {
    const config = vi
      .fn(async () => Object.entries(settings({})).flat())
      .mockRejectedValueOnce(new Error("NOPERM"))
    const { durability } = makeCount({ config, info } as unknown as Connection, NO_QUEUE)
    expect(await durability()).toEqual({ mode: "unknown", canEvict: false })
    expect((await durability()).mode).toBe("aof-always")
  })
})
