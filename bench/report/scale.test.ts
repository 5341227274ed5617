import { describe, expect, it } from "vitest"
import { sampleResults } from "../result-sample.ts"
import { evaluate, isReached } from "./goals.ts"
import { scaleRows } from "./scale.ts"

describe("the table of many shards", () => {
  it("has what a write costs each process, and what one takes that waits", () => {
    expect(scaleRows(sampleResults())?.slice(1)).toEqual([
      ["1 shard, as many as can be", "8,000", "50", "25", "20", "10", "5", "200", "–"],
      ["64 shards, as many as can be", "5,000", "75", "30", "40", "12", "20", "50", "1 %"],
      ["1 shard, 4,000/s", "8,000", "50", "25", "20", "10", "5", "200", "–"],
      ["64 shards, 4,000/s", "5,000", "75", "30", "40", "12", "20", "50", "1 %"],
      ["Redis memory a queued value of 100 bytes", "200 B"],
    ])
  })

  it("counts for ingest and Redis what came in, and for the others what was stored", () => {
    const [load] = sampleResults().scale?.loads ?? []
    if (!load) throw new Error("the sample has a load")
    const loads = [{ ...load, queued: 40_000 }]
    expect(scaleRows(sampleResults({ scale: { loads, idle: [], queued: [] } }))?.[1]).toEqual([
      "1 shard, as many as can be",
      "8,000",
      "25",
      "25",
      "10",
      "10",
      "5",
      "200",
      "–",
    ])
  })

  it("is not there when nothing was measured", () => {
    const { scale: _, ...before } = sampleResults()
    expect(scaleRows(before)).toBeNull()
  })
})

describe("the goals of many shards", () => {
  it("compares the worker at a steady rate, and looks at an idle one", () => {
    const goals = evaluate(sampleResults()).filter(({ name }) => name.includes("64 shards"))
    expect(goals.map((goal) => [goal.figure?.toFixed(3), isReached(goal)])).toEqual([
      ["1.200", true],
      ["0.010", true],
    ])
  })
})
