/** The command line of `npm run table`. */
import { parseArgs } from "node:util"
import { NAME } from "../../shared/table/table.ts"

export const USAGE = `npm run table -- <name> --from postgres     the declaration for shared/tables.ts, of a table that PostgreSQL has
npm run table -- <name> --sql [--write]     the migration of a table that is declared there: all of it, or what
                                            the one in PostgreSQL lacks; --write makes it the next file of
                                            shared/migrations

DATABASE_URL  where PostgreSQL is; without it that of npm start`

/** Why the command cannot do what was asked, in one line. */
export class TableError extends Error {}

export interface Command {
  readonly name: string
  readonly does: "declare" | "print" | "write"
}

const OPTIONS = {
  from: { type: "string" },
  sql: { type: "boolean" },
  write: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const

const parse = (parameters: ReadonlyArray<string>) => {
  try {
    return parseArgs({ args: [...parameters], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    // The first sentence names the option; the others are about how to pass it as something else.
    const [sentence = ""] = (error as Error).message.split(/\.\s/)
    throw new TableError(sentence)
  }
}

/** Null when somebody asks how the command is used. */
export const readCommand = (parameters: ReadonlyArray<string>): Command | null => {
  const { values, positionals } = parse(parameters)
  if (parameters.length === 0 || values.help) return null
  const [name, other] = positionals
  const { from, sql = false, write = false } = values
  if (name === undefined) throw new TableError("no table is named")
  if (other !== undefined) throw new TableError(`one table at a time: ${name} or ${other}`)
  if (!NAME.test(name)) {
    throw new TableError(`${JSON.stringify(name)} is no name: letters, digits and underscores are`)
  }
  if (from !== undefined && from !== "postgres") throw new TableError("--from takes postgres alone")
  if (sql === (from !== undefined))
    throw new TableError("one of --from postgres and --sql is needed")
  if (write && !sql) throw new TableError("--write goes with --sql")
  return { name, does: sql ? (write ? "write" : "print") : "declare" }
}
