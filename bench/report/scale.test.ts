import { describe, expect, it } from "vitest"
import { exact, linear, logarithmic } from "./scale.ts"

describe("linear", () => {
  it("ends at the first round mark above what it must hold", () => {
    const { marks, at } = linear([0, 9_300], [200, 0])
    expect(marks).toEqual([0, 2_500, 5_000, 7_500, 10_000])
    expect([at(0), at(10_000), at(5_000)]).toEqual([200, 0, 100])
  })

  it("holds nothing but 0 too", () => {
    const { at } = linear([0, 0], [200, 0])
    expect(at(0)).toBe(200)
  })
})

describe("exact", () => {
  it("ends where the time does", () => {
    const { marks, at } = exact([0, 11.3], [0, 113])
    expect(marks).toEqual([0, 2, 4, 6, 8, 10])
    expect(at(11.3)).toBe(113)
  })
})

describe("logarithmic", () => {
  it("marks powers of ten over a wide range", () => {
    const { marks, at } = logarithmic([0.1, 1_000], [0, 400])
    expect(marks).toEqual([0.1, 1, 10, 100, 1_000])
    expect(marks.map((mark) => Math.round(at(mark)))).toEqual([0, 100, 200, 300, 400])
  })

  it("marks twos and fives as well over a narrow one", () => {
    expect(logarithmic([0.04, 3], [0, 100]).marks).toEqual([0.05, 0.1, 0.2, 0.5, 1, 2])
  })
})
