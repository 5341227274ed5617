import { readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { readResults } from "../result.ts"
import { sampleResults } from "../result-sample.ts"
import { insert, readmeTable, resultFiles } from "./readme.ts"

const README = new URL("../../README.md", import.meta.url)

describe("insert", () => {
  it("replaces what is between the markers, and nothing else", () => {
    const readme = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"
    expect(insert(readme, "new $1\n")).toBe(
      "before\n<!-- bench -->\nnew $1\n<!-- /bench -->\nafter\n",
    )
  })

  it("demands markers", () => {
    expect(() => insert("no markers", "table")).toThrow("no <!-- bench -->")
  })
})

describe("readmeTable", () => {
  it("is a table and where it comes from", () => {
    const table = readmeTable(sampleResults())
    expect(table.split("\n")[0]).toBe("| metric | sync | async | async / sync |")
    expect(table).toContain("commit abc1234")
  })
})

describe("the README's table", () => {
  it("is that of a results file that is there", async () => {
    const readme = await readFile(README, "utf8")
    if (!readme.includes("<!-- bench -->\n|")) return
    const tables = await Promise.all(
      (await resultFiles()).map(async (file) => readmeTable(await readResults(file))),
    )
    expect(tables.some((table) => readme.includes(table))).toBe(true)
  })
})
