/**
 * `npm run check:source`: holds every file to the rules of the layout. Prints a line for each place that
 * breaks one and exits with 1.
 */
import { readdir, readFile } from "node:fs/promises"
import process from "node:process"
import { breaches } from "./rules.ts"

const ROOT = new URL("../../", import.meta.url)

const read = (file: string) => readFile(new URL(file, ROOT), "utf8")

for (const folder of ["shared", "services", "scripts", "bench"]) {
  const files = await readdir(new URL(folder, ROOT), { recursive: true })
  for (const file of files.filter((name) => /\.[jt]s$/.test(name))) {
    const path = `${folder}/${file}`
    for (const line of breaches(path, await read(path))) {
      console.error(line)
      process.exitCode = 1
    }
  }
}
