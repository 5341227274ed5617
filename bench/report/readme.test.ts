import { readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { readResults } from "../result.ts"
import { sampleResults } from "../result-sample.ts"
import { insert, readmeTable, resultFiles, TABLES } from "./readme.ts"

const README = new URL("../../README.md", import.meta.url)

describe("insert", () => {
  it("replaces what is between the markers, and nothing else", () => {
    const readme = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"
    expect(insert(readme, "bench", "new $1\n")).toBe(
      "before\n<!-- bench -->\nnew $1\n<!-- /bench -->\nafter\n",
    )
  })

  it("demands markers", () => {
    expect(() => insert("no markers", "bench", "table")).toThrow("no <!-- bench -->")
    expect(() => insert("<!-- bench -->\n<!-- /bench -->", "capacity", "table")).toThrow(
      "no <!-- capacity -->",
    )
  })
})

describe("readmeTable", () => {
  it("is a table and where it comes from", () => {
    const table = readmeTable(sampleResults())
    expect(table?.split("\n")[0]).toBe("| metric | sync | async | async / sync |")
    expect(table).toContain("commit abc1234")
  })
})

describe("the README", () => {
  it.each(Object.entries(TABLES))(
    "has the %s table of a results file that is there",
    async (mark, tableOf) => {
      const readme = await readFile(README, "utf8")
      const begin = `<!-- ${mark} -->\n`
      expect(readme).toContain(begin)
      if (!readme.includes(`${begin}|`)) return
      const tables = await Promise.all(
        (await resultFiles()).map(async (file) => tableOf(await readResults(file))),
      )
      expect(tables.some((table) => table !== null && readme.includes(begin + table))).toBe(true)
    },
  )
})
