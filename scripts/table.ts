/**
 * `npm run table`: a table that PostgreSQL has as a declaration for `shared/tables.ts`, and one that is
 * declared there as a migration. Prints what it made, or one line why not, and then exits with 1.
 */
import process from "node:process"
import { ConfigError, loadConfig } from "../shared/config.ts"
import { print, printError } from "../shared/output.ts"
import { openDatabase, type Sql } from "../shared/postgres/postgres.ts"
import { describeFailure } from "../shared/postgres/refusal.ts"
import { describeAddresses, parsePostgresUrl } from "../shared/postgres/url.ts"
import type { Finding } from "../shared/table/check.ts"
import type { Table } from "../shared/table/table.ts"
import { type Command, readCommand, TableError, USAGE } from "./table/command.ts"
import { declarationFrom } from "./table/from-postgres.ts"
import { allOf, FOLDER, lackOf, migrationOf, writeMigration } from "./table/migration.ts"

const DEADLINE_MILLIS = 15_000

/** @throws {TableError} when the database cannot be asked. */
const ask = async <A>(query: (sql: Sql) => Promise<A>): Promise<A> => {
  const { DATABASE_URL } = loadConfig("migrate")
  const options = { name: "table", maxConnections: 1, deadlineMillis: DEADLINE_MILLIS }
  const database = openDatabase(DATABASE_URL, options)
  try {
    return await database.run(query)
  } catch (error) {
    if (error instanceof TableError) throw error
    const where = describeAddresses(parsePostgresUrl(DATABASE_URL).addresses)
    throw new Unasked(`DATABASE_URL: ${describeFailure(where, error)}`)
  } finally {
    await database.close()
  }
}

class Unasked extends TableError {}

/** Imported when it is needed: whoever edits it learns in plain lines what is wrong with it. */
const readTables = async (): Promise<Readonly<Record<string, Table>>> => {
  try {
    return (await import("../shared/tables.ts")).TABLES
  } catch (error) {
    throw new TableError((error as Error).message)
  }
}

const declared = async (name: string): Promise<Table> => {
  const tables = await readTables()
  const table = Object.hasOwn(tables, name) ? tables[name] : undefined
  if (table) return table
  throw new TableError(`no ${name} in shared/tables.ts, only ${Object.keys(tables).join(", ")}`)
}

/** All of the table where nobody can say what there is of it. */
const lackIn = (table: Table): Promise<ReadonlyArray<Finding>> =>
  ask((sql) => lackOf(sql, table)).catch((error: unknown) => {
    if (!(error instanceof Unasked)) throw error
    printError(`${error.message}: this is all of the table\n`)
    return [allOf(table)]
  })

const migrate = async ({ name, does }: Command): Promise<string> => {
  const table = await declared(name)
  const findings = await lackIn(table)
  if (findings.length === 0)
    return `${name} is in PostgreSQL as it is declared: nothing is missing\n`
  const [hopeless] = findings.filter(({ sql }) => sql === "")
  if (hopeless) throw new TableError(`no statement mends ${name}: ${hopeless.sentence}`)
  const text = migrationOf(findings)
  if (does === "print") {
    return `${text}\n-- npm run table -- ${name} --sql --write makes a migration of it, npm run migrate applies that\n`
  }
  const folder = new URL(`../${FOLDER}/`, import.meta.url)
  return `wrote ${FOLDER}/${await writeMigration(folder, table, text)}: npm run migrate applies it\n`
}

const run = async (parameters: ReadonlyArray<string>): Promise<void> => {
  const command = readCommand(parameters)
  if (command === null) print(`${USAGE}\n`)
  else if (command.does === "declare") print(await ask((sql) => declarationFrom(sql, command.name)))
  else print(await migrate(command))
}

try {
  await run(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof TableError || error instanceof ConfigError)) throw error
  printError(`${error instanceof ConfigError ? "" : "table: "}${error.message}\n`)
  process.exitCode = 1
}
