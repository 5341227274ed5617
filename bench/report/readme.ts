/**
 * `npm run bench:readme [-- FILE]`: writes the README's table from a results file, by default the newest,
 * between its two markers. A test holds the table against the results files that are there.
 */
import { readdir, readFile, writeFile } from "node:fs/promises"
import process from "node:process"
import { pathToFileURL } from "node:url"
import { type Results, readResults } from "../result.ts"
import { shortfall } from "./goals.ts"
import { HEAD, markdown, provenance, rows } from "./table.ts"

const README = new URL("../../README.md", import.meta.url)
const RESULTS = new URL("../results/", import.meta.url)
const BETWEEN = /(<!-- bench -->\n)[\s\S]*?(<!-- \/bench -->)/

export const readmeTable = (results: Results): string =>
  `${markdown(HEAD, rows(results))}\n\n${provenance(results)}. ${shortfall(results)}\n`

/** @throws when there are no markers. */
export const insert = (readme: string, table: string): string => {
  if (!BETWEEN.test(readme)) throw new Error("README.md has no <!-- bench --> … <!-- /bench -->")
  return readme.replace(BETWEEN, (_, begin: string, end: string) => begin + table + end)
}

/** The names begin with the time, so the last is the newest. */
export const resultFiles = async (): Promise<ReadonlyArray<URL>> => {
  const names = await readdir(RESULTS).catch(() => [])
  const files = names.filter((name) => name.endsWith(".json")).sort()
  return files.map((name) => new URL(name, RESULTS))
}

const main = async (argv: ReadonlyArray<string>): Promise<void> => {
  const [given] = argv
  const file = given === undefined ? (await resultFiles()).at(-1) : pathToFileURL(given)
  if (file === undefined) throw new Error("there is no results file: npm run bench makes one")
  const readme = await readFile(README, "utf8")
  await writeFile(README, insert(readme, readmeTable(await readResults(file))))
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2))
  } catch (error) {
    console.error(`bench:readme: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
