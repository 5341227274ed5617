/**
 * `npm run check:source`: holds every file to the rules of the layout. Prints a line for each place that
 * breaks one and exits with 1. The names of the table are read from the migrations, so that a buffer for
 * another table is held to the same rule.
 */
import { readdir, readFile } from "node:fs/promises"
import process from "node:process"
import { breaches } from "./rules.ts"

const ROOT = new URL("../../", import.meta.url)
const MIGRATIONS = "shared/migrations/"

/** `key` is the identity in the contract, and `version` the queue's; both outlive a change of table. */
const GENERIC = new Set(["key", "version"])

const read = (file: string) => readFile(new URL(file, ROOT), "utf8")

/** The names a migration creates: the table, and the columns that are the table's own. */
const tableNames = async (): Promise<ReadonlyArray<string>> => {
  const files = (await readdir(new URL(MIGRATIONS, ROOT))).filter((file) => file.endsWith(".sql"))
  const texts = await Promise.all(files.map((file) => read(MIGRATIONS + file)))
  const names = texts.flatMap((text) =>
    [...text.matchAll(/create table (\w+) \(([\s\S]*?)\n\)/g)].flatMap(
      ([, table = "", body = ""]) => {
        const columns = body.matchAll(/^\s+(\w+)\s/gm).map(([, column = ""]) => column)
        return [table, ...columns]
      },
    ),
  )
  return names.filter((name) => !GENERIC.has(name))
}

const names = await tableNames()
for (const folder of ["shared", "services", "scripts", "bench"]) {
  const files = await readdir(new URL(folder, ROOT), { recursive: true })
  for (const file of files.filter((name) => /\.[jt]s$/.test(name))) {
    const path = `${folder}/${file}`
    for (const line of breaches(path, await read(path), names)) {
      console.error(line)
      process.exitCode = 1
    }
  }
}
