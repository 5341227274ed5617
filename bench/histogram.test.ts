import { describe, expect, it } from "vitest"
import { Histogram } from "./histogram.ts"
import { quantile, sort } from "./statistics.ts"

const filled = (...times: number[]) => {
  const histogram = new Histogram()
  for (const time of times) histogram.record(time)
  return histogram
}

describe("Histogram", () => {
  it("tells times apart that differ by 0.01 ms", () => {
    const histogram = filled(0.41, 0.42, 0.43)
    expect([0.33, 0.5, 1].map((q) => histogram.quantile(q))).toEqual([0.41, 0.42, 0.43])
  })

  it("has the quantiles of the values themselves", () => {
    const times = Array.from(
      { length: 5_000 },
      (_, n) => Math.round(((n * 7_919) % 5_003) * 3) / 100,
    )
    const histogram = filled(...times)
    const sorted = sort(times)
    for (const q of [0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
      expect(histogram.quantile(q)).toBeCloseTo(quantile(sorted, q), 6)
    }
  })

  it("counts what is longer than its range as its longest", () => {
    expect(filled(1e9).quantile(0.5)).toBe(20_000)
  })

  it("has no quantile of nothing", () => {
    expect(filled().quantile(0.5)).toBeNaN()
  })

  it("puts each response into one bar of its density", () => {
    const density = filled(0.001, 1, 1, 1.05, 10, 4_000).density()
    expect(density.reduce((sum, [, count]) => sum + count, 0)).toBe(6)
    expect(density.find(([millis]) => millis === 1)?.[1]).toBe(3)
    expect(density.find(([millis]) => millis === 10)?.[1]).toBe(1)
  })
})
