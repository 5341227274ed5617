import { describe, expect, it } from "vitest"
import { sampleResults } from "../result-sample.ts"
import { loadFigures, sustainedPerSecond } from "./figures.ts"
import { evaluate, goalLine, isReached, shortfall } from "./goals.ts"

describe("evaluate", () => {
  it("compares the medians of one run", () => {
    const figures = evaluate(sampleResults()).map(({ figure }) => figure)
    expect(figures.map((figure) => figure && Number(figure.toFixed(3)))).toEqual([
      // Processor time of writes, and of reads.
      ...[1.25, 1.25, 0.125, 0.125, 0.5, 2, 1],
      // Rates, in bulk and of those that wait; then latency, shards and the rest.
      ...[8, 16, 6.25, 50, 1.364, 1.2, 2.6],
      ...[48, 10, 1.2, 0.01, 0.909, 0.9, 0.01, 5, 0, 1.2],
    ])
  })

  it("has beside a figure what the machine could reach at best", () => {
    const goals = evaluate(sampleResults())
    const ceilingOf = (name: string) => goals.find((goal) => goal.name.startsWith(name))?.ceiling
    expect(ceilingOf("async / sync writes, near")).toBe(10)
    // 50 µs of 700 are the HTTP server's.
    expect(ceilingOf("async / sync, all processes")).toBeCloseTo(50 / 700)
    expect(ceilingOf("in bulk / sync")).toBe(100)
  })

  it("sees a reader that gets slower with what it has read", () => {
    const loads = sampleResults().loads.map((load) =>
      load.contender === "reader" && load.round === 2 ? { ...load, accepted: 2_000 } : load,
    )
    const goal = evaluate(sampleResults({ loads })).find(({ name }) => name.includes("last round"))
    expect([goal?.figure, goal && isReached(goal)]).toEqual([2, false])
  })

  it("finds all reached that are", () => {
    expect(evaluate(sampleResults()).map(isReached)).toEqual(Array(24).fill(true))
  })

  it("does not call a figure reached that was not measured", () => {
    const goals = evaluate(sampleResults({ loads: [], outage: [], growth: [] }))
    expect(goals.map(isReached).filter((reached) => reached === null)).toHaveLength(19)
    expect(goals.map((goal) => goalLine(goal).at(-1))).toContain("not measured")
  })

  it("says what was not reached, and nothing of what was not measured", () => {
    expect(shortfall(sampleResults({ growth: [] }))).toBe("All goals were reached.")
    const drain = sampleResults().drain.map((round) => ({ ...round, rows: 100_000, seconds: 1 }))
    const durability = sampleResults().durability.map((round) => ({ ...round, perSecond: 1 }))
    const slow = drain.map((round) => (round.kind === "worker" ? { ...round, seconds: 2 } : round))
    expect(shortfall(sampleResults({ drain: slow, durability }))).toBe(
      "Not reached: drain / bare upsert loop, batch 1000 0.50 (≥ 0.85).",
    )
  })

  it("counts one failed request of an outage", () => {
    const [round] = sampleResults().outage
    if (!round) throw new Error("the sample has an outage")
    const outage = [round, { ...round, async: { ...round.async, failed: 1 } }]
    const goal = evaluate(sampleResults({ outage })).find(({ name }) => name.startsWith("failed"))
    expect(goal && isReached(goal)).toBe(false)
  })
})

describe("sustainedPerSecond", () => {
  const [, , , load] = sampleResults().loads
  if (!load) throw new Error("the sample has a load")

  it("is what was accepted, when hardly any of it waits at the end", () => {
    expect(sustainedPerSecond(load)).toBe(8_000)
  })

  it("counts the time until the queue is empty, when more does", () => {
    expect(sustainedPerSecond({ ...load, depthAtEnd: 900, drainSeconds: 2 })).toBe(4_000)
  })
})

describe("loadFigures", () => {
  it("has the spread over the rounds", () => {
    const { perSecond, p50 } = loadFigures(sampleResults(), "sync", "near")
    expect(perSecond).toEqual({ median: 1_100, min: 1_000, max: 1_200, count: 2 })
    expect(p50).toEqual({ median: 9, min: 8, max: 10, count: 2 })
  })

  it("has nothing of connections that were not measured", () => {
    expect(loadFigures(sampleResults(), "sync", "near", 256).perSecond).toBeNull()
  })
})
