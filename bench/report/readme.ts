/**
 * `npm run bench:readme [-- FILE]`: writes the README's tables from a results file, each between its two markers; by
 * default from the newest that has what the table is made from. A test holds them against the files that are there.
 */
import { readdir, readFile, writeFile } from "node:fs/promises"
import process from "node:process"
import { pathToFileURL } from "node:url"
import { type Results, readResults } from "../result.ts"
import { capacityTable } from "./capacity.ts"
import { shortfall } from "./goals.ts"
import { HEAD, markdown, provenance, rows } from "./table.ts"

const README = new URL("../../README.md", import.meta.url)
const RESULTS = new URL("../results/", import.meta.url)

export const readmeTable = (results: Results): string | null =>
  results.loads.length === 0
    ? null
    : `${markdown(HEAD, rows(results))}\n\n${provenance(results)}. ${shortfall(results)}\n`

/** By its marker, the table of a run; null when the run did not measure what it is made from. */
export const TABLES: Readonly<Record<string, (results: Results) => string | null>> = {
  bench: readmeTable,
  capacity: capacityTable,
}

/** @throws when there are no markers. */
export const insert = (readme: string, mark: string, table: string): string => {
  const between = new RegExp(`(<!-- ${mark} -->\\n)[\\s\\S]*?(<!-- /${mark} -->)`)
  if (!between.test(readme)) {
    throw new Error(`README.md has no <!-- ${mark} --> … <!-- /${mark} -->`)
  }
  return readme.replace(between, (_, begin: string, end: string) => begin + table + end)
}

/** The names begin with the time, so the last is the newest. */
export const resultFiles = async (): Promise<ReadonlyArray<URL>> => {
  const names = await readdir(RESULTS).catch(() => [])
  const files = names.filter((name) => name.endsWith(".json")).sort()
  return files.map((name) => new URL(name, RESULTS))
}

const main = async (argv: ReadonlyArray<string>): Promise<void> => {
  const [given] = argv
  const files = given === undefined ? await resultFiles() : [pathToFileURL(given)]
  if (files.length === 0) throw new Error("there is no results file: npm run bench makes one")
  const newest = await Promise.all(files.toReversed().map(readResults))
  let readme = await readFile(README, "utf8")
  for (const [mark, tableOf] of Object.entries(TABLES)) {
    const table = newest.map(tableOf).find((made) => made !== null)
    if (table) readme = insert(readme, mark, table)
  }
  await writeFile(README, readme)
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2))
  } catch (error) {
    console.error(`bench:readme: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
