/** The migration that makes a table as it is declared, or brings one that is there to that. */
import { readdir, readFile, writeFile } from "node:fs/promises"
import type { Sql } from "../../shared/postgres/postgres.ts"
import { checkTables, type Finding } from "../../shared/table/check.ts"
import { createTable } from "../../shared/table/create.ts"
import type { Table } from "../../shared/table/table.ts"
import { TableError } from "./command.ts"

export const FOLDER = "shared/migrations"

/** Each finding as a comment above its SQL; where none mends it, the comment alone. */
export const migrationOf = (findings: ReadonlyArray<Finding>): string =>
  findings.map(({ sentence, sql }) => `-- ${sentence}\n${sql && `${sql};\n`}`).join("\n")

/** All of a table, where there is nothing of it, or nobody can say what there is. */
export const allOf = (table: Table): Finding => ({
  sentence: `${table.name} as shared/tables.ts declares it`,
  sql: createTable(table),
})

/** What a table lacks, as its owner sees it. */
export const lackOf = async (sql: Sql, table: Table): Promise<ReadonlyArray<Finding>> => {
  const [findings = []] = await checkTables(sql, [table], "migrate")
  const all = allOf(table)
  return findings.map((one) => (one.sql === all.sql ? all : one))
}

const NUMBER_LENGTH = 4

const nextNumber = (names: ReadonlyArray<string>) =>
  Math.max(0, ...names.map((name) => Number.parseInt(name, 10) || 0)) + 1

const plain = (text: string) => text.replaceAll(/--.*|["\s]+/g, " ").replaceAll(/\s+/g, " ")

/** Whether a file has all of it, or makes the table as well: it is to be applied, and not written again. */
const repeats = (file: string, text: string, { name }: Table) =>
  plain(file).includes(plain(text).trim()) ||
  [file, text].every((each) => plain(each).includes(`create table ${name} (`))

/**
 * Writes it to the next numbered file of the folder; resolves to the file's name.
 * @throws {TableError} when one of the files has it.
 */
export const writeMigration = async (folder: URL, table: Table, text: string): Promise<string> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort()
  for (const name of names) {
    if (repeats(await readFile(new URL(name, folder), "utf8"), text, table)) {
      throw new TableError(`${FOLDER}/${name} has it: npm run migrate applies it`)
    }
  }
  const number = String(nextNumber(names)).padStart(NUMBER_LENGTH, "0")
  const name = `${number}_${table.name}.sql`
  await writeFile(new URL(name, folder), text, { flag: "wx" })
  return name
}
