import { describe, expect, test } from "vitest"
import { snapshot as script } from "../../shared/queue/snapshot.ts"
import { toCount } from "./count.ts"
import { countOf } from "./testing/lists.ts"

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
    left = 0,
    held = [] as string[],
    parked = [] as Array<[string, number]>,
  } = {},
) => {
  const flat = Object.entries(counters).flatMap(([name, count]) => [name, String(count)])
  return script.reply([NOW, depth, inFlight, workers, dead, oldest, left, held, flat, parked])
}

describe("the statistics", () => {
  test("are the counters, and what waits and is in flight", () => {
    const counters = {
      ...{ version: NOW, queued: 12_450, processed: 12_402, failed: 3, coalesced: 40 },
      ...{ redelivered: 7, since: NOW_SECONDS - 60, seeded: 1 },
      ...{ "window:Full": 30, "window:Quiet": 4 },
    }
    const found = countOf(
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
    const { stats } = countOf(snapshot({}))
    const { since, held, parked, paused, ...figures } = stats
    expect([held, parked, paused]).toEqual([[], {}, false])
    expect(since).toBeNull()
    expect(Object.values(figures)).toEqual(Array(Object.keys(figures).length).fill(0))
  })

  test("have no negative age when versions run ahead of the clock", () => {
    const { stats } = countOf(snapshot({}, { depth: 1, oldest: NOW + 5 }))
    expect(stats.oldest_age_seconds).toBe(0)
  })

  test("say once why workers hold, however many do", () => {
    const held = ["SQLSTATE 42P01", "SQLSTATE 42P01\nevents: no table", "ECONNREFUSED"]
    expect(countOf(snapshot({}, { depth: 1, workers: 3, held })).stats.held).toEqual([
      ...["SQLSTATE 42P01", "events: no table", "ECONNREFUSED"],
    ])
  })

  test("say how many writes are parked in which lot", () => {
    const parked: Array<[string, number]> = [
      ["events.note", 2],
      ["empty", 0],
    ]
    expect(countOf(snapshot({}, { depth: 2, parked })).stats.parked).toEqual({ "events.note": 2 })
  })
})

describe("the statistics of several lists", () => {
  const listed = (shard: string, found: ReturnType<typeof snapshot>) => ({
    ...{ shard, isCurrent: shard !== "write_queue", snapshot: found },
  })
  const lists = [
    listed(
      "write_queue",
      snapshot({ since: 50, queued: 2, processed: 1 }, { depth: 1, workers: 3 }),
    ),
    listed(
      "0",
      snapshot(
        { queued: 9, processed: 3, failed: 1, "window:Full": 2, paused: 1 },
        {
          ...{ depth: 4, inFlight: 1, workers: 2, dead: 1, oldest: NOW - 7_000_000, left: 1 },
          held: ["events: no table"],
          parked: [["events", 2]],
        },
      ),
    ),
    listed(
      "1",
      snapshot(
        { since: 40, queued: 5, processed: 5, "window:Full": 3 },
        { oldest: NOW - 2_000_000, left: 2, held: ["events: no table"], parked: [["events", 1]] },
      ),
    ),
  ]

  test("are sums, the highest of what is no sum, and add up", () => {
    const { stats, windows } = toCount(lists)
    expect(stats).toMatchObject({
      ...{ queue_depth: 5, in_flight: 1, writes_queued: 16, writes_processed: 9 },
      ...{ writes_failed: 1, dead_letters: 1, processing_rate: 0.3, oldest_age_seconds: 7 },
      ...{ workers: 3, paused: true, held: ["events: no table"], parked: { events: 3 } },
      since: new Date(40_000).toISOString(),
    })
    const { queue_depth, in_flight, writes_processed, writes_failed, writes_queued } = stats
    expect(queue_depth + in_flight + writes_processed + writes_failed).toBe(writes_queued)
    expect(windows.Full).toBe(5)
  })

  test("show each list beside the whole, and a single one not", () => {
    expect(toCount(lists).stats.shards).toMatchObject([
      { shard: "write_queue", current: false, queue_depth: 1, workers: 3, oldest_age_seconds: 0 },
      { shard: "0", current: true, queue_depth: 4, in_flight: 1, processing_rate: 0.1 },
      { shard: "1", current: true, queue_depth: 0, oldest_age_seconds: 2, workers: 0 },
    ])
    expect(toCount(lists.slice(0, 1)).stats).not.toHaveProperty("shards")
  })
})
