/**
 * What people read of an error: why a write was buried, and why writes are held and what to repair. In
 * plain words, with names of constraints, columns and tables and the code to search for; never
 * PostgreSQL's own message, detail or hint, which may quote values.
 */
import { byCode, databaseSentence } from "../../shared/postgres/trouble.ts"
import type { WriteError } from "./errors.ts"

/** The names that PostgreSQL sends beside its message. They are those of the schema, and quote no data. */
interface Fields {
  readonly table_name?: string
  readonly column_name?: string
  readonly constraint_name?: string
  readonly where?: string
  readonly routine?: string
}

/** RAISE in a function may set any field to any text. */
const RAISED = /^(exec_stmt_raise|PL)/

/** A line of the context that a trigger's function leaves; others of its lines may quote a statement. */
const FUNCTION = /^PL\/pgSQL function ([\w$."]{1,130})\(/m

const fieldsOf = ({ cause }: WriteError): Fields => {
  const found = (cause ?? {}) as Fields
  return RAISED.test(found.routine ?? "") ? { where: found.where ?? "" } : found
}

type Words = (fields: Fields) => string

const quoted = (kind: string, name?: string) =>
  name ? `${kind} "${name}"` : `${/^[aeio]/.test(kind) ? "an" : "a"} ${kind}`
const of = ({ table_name }: Fields) => (table_name ? ` of ${table_name}` : "")
const raiser = ({ where }: Fields) => {
  const name = FUNCTION.exec(where ?? "")?.[1]
  return name ? `the function ${name}` : "a trigger"
}
const violates =
  (kind: string): Words =>
  (fields) =>
    `violates ${quoted(kind, fields.constraint_name)}${of(fields)}`

/** What is wrong with a row, by SQLSTATE; the first that begins the code. */
const OF_ROWS: ReadonlyArray<readonly [string, Words]> = [
  ["21", () => "has the key of another row of its statement"],
  ["22001", () => "has text that is too long for its column"],
  ["22003", () => "has a number that is out of range"],
  ["22007", () => "has text that is no date or time"],
  ["22008", () => "has a date or time that is out of range"],
  ["22021", () => "has a character that the database cannot store"],
  ["2200H", () => "needs a sequence that is at its end"],
  ["22P02", () => "has text that its column's type cannot read"],
  ["22P05", () => "has a character that the database cannot store"],
  ["22", () => "has a value that the database cannot store"],
  ["23502", (fields) => `has no value for ${quoted("column", fields.column_name)}${of(fields)}`],
  ["23503", violates("foreign key")],
  ["23505", violates("unique constraint")],
  ["23514", violates("check constraint")],
  ["23P01", violates("exclusion constraint")],
  ["23", violates("constraint")],
  ["42501", (fields) => `is refused by a row-level policy or a missing right${of(fields)}`],
  ["42883", (fields) => `needs a function that is missing, in ${raiser(fields)}`],
  ["42P01", (fields) => `needs a table that is missing, in ${raiser(fields)}`],
  ["42703", (fields) => `needs a column that is missing, in ${raiser(fields)}`],
  ["3F000", (fields) => `needs a schema that is missing, in ${raiser(fields)}`],
  ["44000", () => "is outside of what the view shows"],
  ["54000", (fields) => `is too large for ${quoted("index", fields.constraint_name)}${of(fields)}`],
  ["54", () => "is more than the database can handle"],
  ["", (fields) => `is refused by ${raiser(fields)}`],
]

/** Why nothing can be written, by reasons that are not PostgreSQL's own. */
const OF_WORKERS: ReadonlyArray<readonly [string, string]> = [
  [
    "queue of",
    "The queue belongs to another database: mend WRITE_QUEUE_NAME, REDIS_URL or DATABASE_URL, " +
      "or give it to this one with npm run queue -- adopt",
  ],
  ["version ", "The table has a version that is no time in microseconds: mend or delete that row"],
  ["defect", "The worker has a fault: its log says more"],
]

/** Why a row was buried: `violates check constraint "no_markup" of key_values (SQLSTATE 23514)`. */
export const rowReason = (error: WriteError): string =>
  `${byCode(OF_ROWS, error.sqlstate ?? "")?.(fieldsOf(error))} (${error.reason})`

/** What the reader of a hold can expect of it. */
const OUTLOOK: Readonly<Record<WriteError["_tag"], string>> = {
  DatabaseUnavailable: "nothing is lost; it goes on by itself",
  BatchFailed: "nothing is lost; it is tried again by itself",
  WriteRejected: "nothing is lost",
  StatementRefused:
    "no other is taken either, so nothing is buried; it goes on after the repair, or when one is",
  DatabaseMisconfigured: "nothing is lost; it goes on by itself after the repair",
}

const OTHERWISE: Readonly<Record<WriteError["_tag"], string>> = {
  DatabaseUnavailable: "PostgreSQL does not answer",
  BatchFailed: "PostgreSQL fails batch after batch",
  WriteRejected: "PostgreSQL rejects a row",
  StatementRefused: "PostgreSQL refuses the rows that wait",
  DatabaseMisconfigured: "PostgreSQL cannot be used as it is",
}

/** Why writes are held: `PostgreSQL does not answer (CONNECT_TIMEOUT); nothing is lost; it goes …`. */
export const holdReason = (error: WriteError): string => {
  const code = error.sqlstate ?? error.reason
  const what =
    databaseSentence(error.cause, code) ?? byCode(OF_WORKERS, code) ?? OTHERWISE[error._tag]
  return `${what} (${error.reason}); ${OUTLOOK[error._tag]}`
}
