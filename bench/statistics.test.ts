import { describe, expect, it } from "vitest"
import { median, quantile, ratio, spread } from "./statistics.ts"

describe("spread", () => {
  it("is the median with the lowest and the highest", () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, count: 3 })
  })

  it("takes the mean of the middle two of an even number", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  it("leaves out what was not measured", () => {
    expect(spread([Number.NaN, 7])).toEqual({ median: 7, min: 7, max: 7, count: 1 })
    expect(spread([Number.NaN])).toBeNull()
  })
})

describe("quantile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1)

  it("is the nearest rank", () => {
    expect([0, 0.5, 0.9, 0.99, 0.999, 1].map((q) => quantile(hundred, q))).toEqual([
      1, 50, 90, 99, 100, 100,
    ])
  })

  it("of one value is that value", () => {
    expect(quantile([5], 0.01)).toBe(5)
  })

  it("of none is no number", () => {
    expect(quantile([], 0.5)).toBeNaN()
  })
})

describe("ratio", () => {
  it("is null when either figure is missing or the divisor is 0", () => {
    expect(ratio(6, 3)).toBe(2)
    expect(ratio(null, 3)).toBeNull()
    expect(ratio(6, null)).toBeNull()
    expect(ratio(6, 0)).toBeNull()
  })
})
