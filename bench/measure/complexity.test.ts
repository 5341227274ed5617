import { describe, expect, it } from "vitest"
import { closure, countComplexity, countLines } from "./complexity.ts"

describe("countLines", () => {
  it("counts code, and neither comments nor blank lines", () => {
    const text = [
      "/** A header",
      " * of two lines. */",
      'import { a } from "./a.ts"',
      "",
      "  // why",
      "export const b = a /* inline */",
      "/* one line */",
    ].join("\n")
    expect(countLines(text)).toBe(2)
  })
})

describe("closure", () => {
  it("has an entry's imports, theirs too, and each once", async () => {
    const files = await closure([new URL("../proxy-main.ts", import.meta.url)])
    expect([...files.keys()].map((url) => url.split("/").at(-1)).sort()).toEqual([
      "proxy-main.ts",
      "proxy.ts",
    ])
  })
})

describe("countComplexity", () => {
  it("finds the asynchronous path the more complex one", async () => {
    const { sync, async } = await countComplexity()
    expect(async.lines).toBeGreaterThan(sync.lines)
    expect([sync.processes.length, async.processes.length]).toEqual([2, 4])
    expect([sync.stores, async.stores]).toEqual([["PostgreSQL"], ["Redis", "PostgreSQL"]])
  })
})
