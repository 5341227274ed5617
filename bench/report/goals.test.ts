import { describe, expect, it } from "vitest"
import { sampleResults } from "../result-sample.ts"
import { loadFigures, sustainedPerSecond } from "./figures.ts"
import { evaluate, goalLine, isReached, shortfall } from "./goals.ts"

describe("evaluate", () => {
  it("compares the medians of one run", () => {
    const figures = evaluate(sampleResults()).map(({ figure }) => figure)
    expect(figures.map((figure) => figure && Number(figure.toFixed(3)))).toEqual([
      7.273, 16, 48, 10, 12, 10, 0.95, 0.8, 0.8, 0.9, 0.01, 5, 0, 1.2,
    ])
  })

  it("compares with the ceiling at the most connections", () => {
    const { loads, settings } = sampleResults()
    const more = loads.map((load) => ({
      ...load,
      connections: 100,
      perSecond: load.contender === "ceiling" ? load.perSecond * 2 : load.perSecond,
    }))
    const goals = evaluate(
      sampleResults({
        loads: [...loads, ...more],
        settings: { ...settings, connections: [32, 100] },
      }),
    )
    expect(goals.find(({ name }) => name.startsWith("accept"))).toMatchObject({
      name: "accept / ceiling throughput, connections: 100",
      figure: 0.475,
    })
  })

  it("finds all reached that are", () => {
    expect(evaluate(sampleResults()).map(isReached)).toEqual(Array(14).fill(true))
  })

  it("does not call a figure reached that was not measured", () => {
    const goals = evaluate(sampleResults({ loads: [], outage: [], growth: [] }))
    expect(goals.map(isReached).filter((reached) => reached === null)).toHaveLength(11)
    expect(goals.map((goal) => goalLine(goal).at(-1))).toContain("not measured")
  })

  it("says what was not reached, and nothing of what was not measured", () => {
    expect(shortfall(sampleResults({ growth: [] }))).toBe("All goals were reached.")
    const drain = sampleResults().drain.map((round) => ({ ...round, rows: 100_000, seconds: 1 }))
    const durability = sampleResults().durability.map((round) => ({ ...round, perSecond: 1 }))
    const slow = drain.map((round) => (round.kind === "worker" ? { ...round, seconds: 2 } : round))
    expect(shortfall(sampleResults({ drain: slow, durability }))).toBe(
      "Not reached: drain / bare upsert loop, batch 1000 0.50 (≥ 0.75).",
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

  it("is what was in the table when the load ended", () => {
    expect(sustainedPerSecond(load)).toBe(8_000)
  })
})

describe("loadFigures", () => {
  it("has the spread over the rounds", () => {
    const { perSecond, p50 } = loadFigures(sampleResults(), "sync", "near")
    expect(perSecond).toEqual({ median: 1_100, min: 1_000, max: 1_200, count: 2 })
    expect(p50).toEqual({ median: 9, min: 8, max: 10, count: 2 })
  })

  it("has nothing of connections that were not measured", () => {
    expect(loadFigures(sampleResults(), "sync", "near", 100).perSecond).toBeNull()
  })
})
