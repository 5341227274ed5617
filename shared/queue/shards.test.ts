import { describe, expect, test } from "vitest"
import { everyName, SHARDS_MAX, seriesOf, shardNames, shardOf } from "./shards.ts"

describe("the lists", () => {
  test("of one shard are the queue's own, as ever", () => {
    expect(shardNames("write_queue", 1)).toEqual(["write_queue"])
    expect(everyName("write_queue", { shards: 1, ever: 0 })).toEqual(["write_queue"])
  })

  test("of several have the same names however many there are, and the queue's own is served too", () => {
    expect(shardNames("write_queue", 2)).toEqual(["{write_queue:0}", "{write_queue:1}"])
    expect(shardNames("write_queue", 3).slice(0, 2)).toEqual(shardNames("write_queue", 2))
    expect(everyName("write_queue", { shards: 1, ever: 2 })).toEqual([
      "write_queue",
      "{write_queue:0}",
      "{write_queue:1}",
    ])
  })
})

describe("the shard of a key", () => {
  test("is what it always was: a build that computed another one would break the order of its writes", () => {
    expect(
      ["", "a", "user:123", "ключ", "🙂"].map((key) => shardOf("key_values", key, 64)),
    ).toEqual([3, 24, 5, 42, 61])
  })

  test("spreads keys that are alike evenly, whatever the number", () => {
    for (const shards of [1, 2, 3, 6, 12, 64, SHARDS_MAX]) {
      const counts = new Array(shards).fill(0)
      const each = 200
      for (let index = 0; index < each * shards; index += 1) {
        counts[shardOf("key_values", `user:${index}`, shards)] += 1
      }
      // Five standard deviations of what chance gives.
      const tolerance = 5 * Math.sqrt(each)
      expect(Math.max(...counts)).toBeLessThan(each + tolerance)
      expect(Math.min(...counts)).toBeGreaterThan(each - tolerance)
    }
  })
})

test("the series of a layout have no version in common, the queue's own list's included", () => {
  for (const shards of [2, 3, 64]) {
    const series = Array.from({ length: shards + 1 }, (_, index) => seriesOf(shards, index))
    expect(new Set(series.map(({ step }) => step))).toEqual(new Set([shards + 1]))
    expect(new Set(series.map(({ residue }) => residue)).size).toBe(shards + 1)
  }
  expect(seriesOf(1, 0)).toEqual({ step: 1, residue: 0 })
})
