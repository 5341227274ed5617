/**
 * `npm run migrate`: applies the numbered files of `shared/migrations` that the database does not have
 * yet, all in one transaction, under an advisory lock, so that any number of starts may run it at once.
 * Forward only. Prints one line for each file applied, or one line why not, and then exits with 1.
 */
import { readdir, readFile } from "node:fs/promises"
import process from "node:process"
import { ConfigError, loadConfig } from "../shared/config.ts"
import { openDatabase, type Sql } from "../shared/database.ts"
import { print, printError } from "../shared/output.ts"

const DIRECTORY = new URL("../shared/migrations/", import.meta.url)

/** "write-buffer" as a number nobody else has reason to lock. */
const ADVISORY_LOCK = 7_749_018_006

/** A table that is rewritten takes its time, and so does another migration that has the lock. */
const DEADLINE_MILLIS = 300_000

const apply = async (sql: Sql, files: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const applied: string[] = []
  await sql.begin(async (transaction) => {
    await transaction`set local lock_timeout = 0`
    await transaction`select pg_advisory_xact_lock(${ADVISORY_LOCK})`
    await transaction`
      create table if not exists schema_migrations (
        name text primary key,
        applied_at timestamptz not null default now()
      )`
    const rows = await transaction<{ name: string }[]>`select name from schema_migrations`
    const done = new Set(rows.map(({ name }) => name))
    for (const name of files.filter((file) => !done.has(file))) {
      await transaction.unsafe(await readFile(new URL(name, DIRECTORY), "utf8"))
      await transaction`insert into schema_migrations (name) values (${name})`
      applied.push(name)
    }
  })
  return applied
}

const main = async () => {
  const config = loadConfig("migrate")
  const files = (await readdir(DIRECTORY)).filter((name) => name.endsWith(".sql")).sort()
  const database = openDatabase(config.DATABASE_URL, {
    name: "migrate",
    maxConnections: 1,
    deadlineMillis: DEADLINE_MILLIS,
  })
  try {
    const applied = await database.run((sql) => apply(sql, files))
    for (const name of applied) print(`applied ${name}\n`)
    if (applied.length === 0) print(`nothing to apply: all ${files.length} are there\n`)
  } finally {
    await database.close(1)
  }
}

try {
  await main()
} catch (error) {
  const code = (error as { code?: unknown }).code
  const reason =
    error instanceof ConfigError
      ? error.message
      : `migrate: DATABASE_URL: ${(error as Error).message}${code ? ` (${code})` : ""}`
  printError(`${reason}\n`)
  process.exitCode = 1
}
