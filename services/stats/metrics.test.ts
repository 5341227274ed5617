import { describe, expect, test } from "vitest"
import { exposition } from "../../shared/http/metrics.ts"
import { snapshot } from "../../shared/queue/snapshot.ts"
import { type Count, toCount, toShardStats } from "./count.ts"
import { ListsAway } from "./lists.ts"
import { makeFigures } from "./metrics.ts"
import { countOf } from "./testing/lists.ts"

const NOW = 1_795_327_500_000_000

const COUNTERS = { queued: 100, processed: 52, failed: 3, coalesced: 4, "window:Full": 9 }

const SNAPSHOT = snapshot.reply([
  ...[NOW, 44, 1, 2, 3, NOW - 1_500_000, 0],
  ["PostgreSQL does not answer (ECONNREFUSED)"],
  Object.entries(COUNTERS).flat().map(String),
  [
    ["events", 7],
    ["events.note", 2],
  ],
])
const COUNT = countOf(SNAPSHOT)

const scrape = async (count: () => Promise<Count>, trouble: string | null = null) =>
  await exposition(await makeFigures(count, async () => trouble)()).text()

describe("the queue's figures", () => {
  test("are those of one snapshot, under names of Prometheus' kind", async () => {
    const text = await scrape(async () => COUNT)
    const lines = text.split("\n").filter((line) => line.startsWith("write_buffer_"))
    expect(lines).toEqual([
      "write_buffer_redis_up 1",
      "write_buffer_postgres_up 1",
      "write_buffer_queue_depth 44",
      "write_buffer_in_flight_writes 1",
      "write_buffer_oldest_age_seconds 1.5",
      "write_buffer_workers 2",
      "write_buffer_dead_letters 3",
      "write_buffer_writes_queued_total 100",
      "write_buffer_writes_processed_total 52",
      "write_buffer_failed_writes 3",
      "write_buffer_writes_coalesced_total 4",
      "write_buffer_writes_discarded_total 0",
      "write_buffer_writes_purged_total 0",
      "write_buffer_writes_redelivered_total 0",
      'write_buffer_windows_total{reason="Full"} 9',
      'write_buffer_windows_total{reason="Asked"} 0',
      'write_buffer_windows_total{reason="Elapsed"} 0',
      'write_buffer_windows_total{reason="Quiet"} 0',
      'write_buffer_parked_writes{lot="events"} 7',
      'write_buffer_parked_writes{lot="events.note"} 2',
      "write_buffer_held 1",
      "write_buffer_paused 0",
    ])
  })

  test("are left out while Redis does not answer, and that is said", async () => {
    const text = await scrape(() => Promise.reject(new Error("canary")), "canary")
    const lines = text.split("\n").filter((line) => line.startsWith("write_buffer_"))
    expect(lines).toEqual(["write_buffer_redis_up 0", "write_buffer_postgres_up 0"])
    expect(text).not.toContain("canary")
  })

  test("of several shards are each shard's too, under names of their own", async () => {
    const found = snapshot.reply([NOW, 4, 1, 2, 0, NOW - 2_000_000, 0, [], [], []])
    const list = (shard: string) => ({ shard, isCurrent: true, snapshot: found })
    const text = await scrape(async () => toCount([list("0"), list("1")]))
    expect(text.split("\n")).toEqual(
      expect.arrayContaining([
        ...["write_buffer_queue_depth 8", "write_buffer_workers 2"],
        ...['write_buffer_shard_up{shard="0"} 1', 'write_buffer_shard_up{shard="1"} 1'],
        'write_buffer_shard_queue_depth{shard="1"} 4',
        'write_buffer_shard_in_flight_writes{shard="1"} 1',
        'write_buffer_shard_oldest_age_seconds{shard="1"} 2',
        'write_buffer_shard_workers{shard="1"} 2',
      ]),
    )
  })

  test("of the shards that answer are given when others do not, and none of the whole", async () => {
    const answered = toShardStats({ shard: "0", isCurrent: true, snapshot: SNAPSHOT })
    const away = [{ shard: "1", isCurrent: true, reason: "canary" }]
    const text = await scrape(() => Promise.reject(new ListsAway(away, [answered])))
    const lines = text.split("\n").filter((line) => line.startsWith("write_buffer_"))
    expect(lines).toEqual([
      ...["write_buffer_redis_up 1", "write_buffer_postgres_up 1"],
      ...['write_buffer_shard_up{shard="0"} 1', 'write_buffer_shard_up{shard="1"} 0'],
      'write_buffer_shard_queue_depth{shard="0"} 44',
      'write_buffer_shard_in_flight_writes{shard="0"} 1',
      'write_buffer_shard_oldest_age_seconds{shard="0"} 1.5',
      'write_buffer_shard_workers{shard="0"} 2',
    ])
  })
})
