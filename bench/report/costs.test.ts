import { describe, expect, it } from "vitest"
import { sampleResults } from "../result-sample.ts"
import { costRows } from "./costs.ts"

const rowsOf = (...parameters: Parameters<typeof sampleResults>) =>
  new Map(costRows(sampleResults(...parameters)).map(([load, ...cells]) => [load, cells]))

describe("the table of costs", () => {
  it("has what each process takes for a write, and all of them together beside sync", () => {
    const found = rowsOf()
    // One second of the server and 0.4 s of PostgreSQL for 2,000 writes.
    expect(found.get("write, near, 32: sync")).toEqual([
      ...["1,100", "9 ms", "12 ms", "500", "0", "0", "200", "700", "× 1"],
    ])
    expect(found.get("write, near, 32: async")?.slice(3)).toEqual([
      ...["62.5", "0", "0", "25", "87.5", "× 0.13"],
    ])
  })

  it("has no sum where the system does not say what one of them took", () => {
    const loads = sampleResults().loads.map((load) => ({ ...load, postgresCpuSeconds: null }))
    expect(rowsOf({ loads }).get("write, near, 32: sync")?.slice(3)).toEqual([
      ...["500", "0", "0", "–", "–", "–"],
    ])
  })

  it("compares what sync does not do with its writes one by one", () => {
    const [sync] = sampleResults().loads
    if (!sync) throw new Error("the sample has a load")
    const loads = [
      { ...sync, connections: 100 },
      { ...sync, contender: "async", work: "bulk", connections: 4, accepted: 20_000 } as const,
      { ...sync, work: "read", connections: 100 } as const,
      { ...sync, contender: "reader", work: "read", connections: 100, accepted: 4_000 } as const,
    ]
    const found = rowsOf({ loads })
    expect(found.get("write in bulk, near, 4: async")?.at(-1)).toBe("× 0.10")
    expect(found.get("read, near, 100: plain handler")?.at(-1)).toBe("× 1")
    expect(found.get("read, near, 100: reader")?.at(-1)).toBe("× 0.50")
  })
})
