/**
 * `npm run migrate`: applies the numbered files of `shared/migrations` that the database does not have
 * yet. Forward only. Prints one line for each file applied, or one line why not, and then exits with 1.
 */
import { readdir, readFile } from "node:fs/promises"
import process from "node:process"
import { ConfigError, leftOut, loadConfig } from "../shared/config.ts"
import { print, printError } from "../shared/output.ts"
import { openDatabase } from "../shared/postgres/postgres.ts"
import { codeOf, describeFailure } from "../shared/postgres/refusal.ts"
import { describeAddresses, parsePostgresUrl } from "../shared/postgres/url.ts"
import { type Migration, migrate } from "./migrate/ledger.ts"

const DIRECTORY = new URL("../shared/migrations/", import.meta.url)

/** To rewrite a large table takes minutes, and so does waiting for another migration that does. */
const DEADLINE_MILLIS = 300_000

/** Of PostgreSQL, to a role without a right. */
const NO_RIGHT = "42501"
const GRANT =
  ": run it as the owner of the table, or, when all is applied, grant select on write_buffer_migrations " +
  "to this role"

const readFiles = async (): Promise<ReadonlyArray<Migration>> => {
  const names = (await readdir(DIRECTORY)).filter((name) => name.endsWith(".sql")).sort()
  const read = (name: string) => readFile(new URL(name, DIRECTORY), "utf8")
  return await Promise.all(names.map(async (name) => ({ name, text: await read(name) })))
}

const main = async (): Promise<0 | 1> => {
  const config = loadConfig("migrate")
  for (const { variable, parameters } of leftOut(config)) {
    print(`${variable}: parameters for other clients: ${parameters}\n`)
  }
  const files = await readFiles()
  const database = openDatabase(config.DATABASE_URL, {
    name: "migrate",
    maxConnections: 1,
    deadlineMillis: DEADLINE_MILLIS,
    writes: true,
  })
  try {
    const applied = await database.run((sql) => migrate(sql, files))
    for (const name of applied) print(`applied ${name}\n`)
    if (applied.length === 0) print(`nothing to apply: all ${files.length} are there\n`)
    return 0
  } catch (error) {
    const where = describeAddresses(parsePostgresUrl(config.DATABASE_URL).addresses)
    const advice = codeOf(error) === NO_RIGHT ? GRANT : ""
    printError(`migrate: DATABASE_URL: ${describeFailure(where, error)}${advice}\n`)
    return 1
  } finally {
    await database.close(1)
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  printError(`${error.message}\n`)
  process.exitCode = 1
}
