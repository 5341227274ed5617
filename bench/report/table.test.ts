import { describe, expect, it } from "vitest"
import { sampleResults } from "../result-sample.ts"
import { bytes, factor, millis, percent, plain, withSpread } from "./format.ts"
import { align, HEAD, markdown, provenance, rows } from "./table.ts"

describe("rows", () => {
  it("has sync, async and the ratio of each metric", () => {
    const found = new Map(rows(sampleResults()).map(([metric, ...cells]) => [metric, cells]))
    expect(found.get("write throughput, near, 32 connections")).toEqual([
      "1,100/s (1,000–1,200/s)",
      "8,000/s",
      "× 7.27",
    ])
    expect(found.get("write latency p50, far, 1 connection")).toEqual([
      "24 ms, p99 30 ms",
      "0.50 ms, p99 3 ms",
      "× 0.021, p99 × 0.10",
    ])
    expect(found.get("write latency p50, near, 32 connections")).toEqual([
      "9 ms (8–10 ms), p99 12 ms",
      "2 ms, p99 3 ms",
      "× 0.22, p99 × 0.25",
    ])
    expect(found.get("write latency p50, near, steady load of 2,000/s")).toEqual([
      "1 ms, p99 4 ms, p99.9 10 ms",
      "1 ms, p99 2 ms, p99.9 4 ms",
      "× 1, p99 × 0.50, p99.9 × 0.40",
    ])
    expect(found.get("complexity")).toEqual([
      "2 processes, 1 store, 500 lines",
      "4 processes, 2 stores, 2,000 lines",
      "× 4",
    ])
  })

  it("has a dash for what was not measured", () => {
    const lines = rows(sampleResults({ loads: [], steady: [], visibility: [], outage: [] }))
    expect(lines.filter((line) => line.slice(1, 3).every((cell) => cell === "–"))).toHaveLength(17)
  })
})

describe("format", () => {
  it("keeps three digits and names the unit", () => {
    expect([0.123, 2, 12.34, 123.4, 1_234].map(millis)).toEqual([
      "0.12 ms",
      "2 ms",
      "12.3 ms",
      "123 ms",
      "1.23 s",
    ])
    expect([0.5, 1].map(percent)).toEqual(["50 %", "100 %"])
    expect([512, 2_048, 5 * 1_024 ** 2].map(bytes)).toEqual(["512 B", "2 KiB", "5 MiB"])
    expect([0.0033, 0.0212, 0.25].map(factor)).toEqual(["× 0.0033", "× 0.021", "× 0.25"])
    expect(plain(null)).toBe("–")
  })

  it("shows a spread when there is one, with its unit once", () => {
    expect(withSpread({ median: 2, min: 1.5, max: 3, count: 3 }, millis)).toBe("2 ms (1.50–3 ms)")
    expect(withSpread({ median: 900, min: 800, max: 1_500, count: 3 }, millis)).toBe(
      "900 ms (800 ms–1.50 s)",
    )
    expect(withSpread({ median: 2, min: 2, max: 2, count: 1 }, millis)).toBe("2 ms")
    expect(withSpread(null, millis)).toBe("–")
  })
})

describe("align", () => {
  it("makes columns as wide as they need", () => {
    expect(
      align([
        ["a", "1"],
        ["long", "200"],
      ]),
    ).toBe("a       1\nlong  200")
  })
})

describe("markdown", () => {
  it("is a table of GitHub's dialect", () => {
    const text = markdown(HEAD, [["a", "1", "2", "× 2"]])
    expect(text.split("\n")).toEqual([
      "| metric | sync | async | async / sync |",
      "| --- | ---: | ---: | ---: |",
      "| a | 1 | 2 | × 2 |",
    ])
  })
})

describe("provenance", () => {
  it("says where, when, with what and by which command", () => {
    const words = provenance(sampleResults())
    for (const part of [
      "2 cores",
      "abc1234",
      "npm run bench",
      "2026-11-22",
      "AOF always",
      "8 GiB",
      "sent 0.10 ms late",
    ]) {
      expect(words).toContain(part)
    }
  })
})
