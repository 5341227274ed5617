/** The table of what is tested where stays true: each sentence in it stands in the test file beside it. */
import { readFileSync } from "node:fs"
import { expect, test } from "vitest"

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")

const rows = read("services/faults/coverage.md")
  .split("\n")
  .map((line) => /^\| ([^|]+) \| (\S+\.ts) \| ([^|]+) \|$/.exec(line)?.slice(1))
  .filter((row) => row !== undefined)

test("the table of the fault suite names tests that are there", () => {
  expect(rows.length).toBeGreaterThan(80)
  const missing = rows.filter(([, file, sentence]) => !read(file ?? "").includes(sentence ?? ""))
  expect(missing).toEqual([])
})
