/** Stats over several shards of a real Redis, one of which may not answer. */
import { describe, expect, test } from "vitest"
import { exposition } from "../../shared/http/metrics.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { makeFigures } from "./metrics.ts"
import { makeCount } from "./queue.ts"
import { useShards } from "./testing/shards.ts"

describe.each(REDIS_KINDS)("stats of three shards of a %s Redis", (kind) => {
  const { shards, send, list, enqueue, balanced, workers } = useShards(3, kind)
  const heartbeat = (index: number, worker: string, hold = "") =>
    list(index).queue.heartbeat({ worker, lease: 60_000, hold, most: 10, ids: [] })

  test("are of all of them, and of each", async () => {
    await enqueue(0, "a", "b")
    await enqueue(2, "c")
    await heartbeat(1, "one")
    await heartbeat(1, "other")
    await heartbeat(3, "one")
    const stats = await balanced()
    expect(stats).toMatchObject({ queue_depth: 3, writes_queued: 3, workers: 2 })
    const named = stats.shards.map(
      (found: { shard: string; queue_depth: number; workers: number }) => [
        ...[found.shard, found.queue_depth, found.workers],
      ],
    )
    expect(named).toEqual([
      ...[
        ["write_queue", 0, 0],
        ["0", 2, 2],
      ],
      ...[
        ["1", 0, 0],
        ["2", 1, 1],
      ],
    ])
    // The shards are not looked at at one moment.
    const ages = stats.shards.map(
      (found: { oldest_age_seconds: number }) => found.oldest_age_seconds,
    )
    expect(stats.oldest_age_seconds).toBe(Math.max(...ages))
    expect(stats.oldest_age_seconds).toBeGreaterThan(0)
  })

  test("list each worker once, alive where any shard knows it to be, with all that it holds", async () => {
    await heartbeat(0, "one")
    await heartbeat(1, "one", "events: no table")
    await heartbeat(2, "one", "events: no table\norders_in_tests: no table")
    await heartbeat(3, "other")
    expect(await workers()).toMatchObject([
      { id: "one", isAlive: true, held: "events: no table\norders_in_tests: no table" },
      { id: "other", isAlive: true, held: "" },
    ])
  })

  test("are refused while one does not answer, which health and metrics name", async () => {
    await enqueue(0, "a")
    for (const index of [0, 1, 2, 3]) await heartbeat(index, "one")
    list(3).redis.disconnect()
    expect(await send("/stats")).toMatchObject({ status: 503 })
    const health = await send("/health")
    expect(health).toMatchObject({ status: "degraded", redis: "up", queue_depth: null })
    expect(health.warnings).toContainEqual(expect.stringMatching(/^Shard 2 of 3: no/))
    const { count } = makeCount(shards())
    const text = await exposition(await makeFigures(count, async () => null)()).text()
    expect(text).toContain('write_buffer_shard_up{shard="2"} 0')
    expect(text).toContain('write_buffer_shard_queue_depth{shard="0"} 1')
    expect(text).not.toContain("write_buffer_queue_depth")
    for (const { redis } of shards().every()) redis.disconnect()
    const none = await send("/health")
    expect(none).toMatchObject({ status: "unhealthy", redis: "down", queue_depth: null })
  })
})
