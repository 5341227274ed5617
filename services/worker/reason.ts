/**
 * What people read of an error: why a write was buried, and why writes are held and what to repair. In
 * plain words, with names of constraints, columns and tables and the code to search for; never
 * PostgreSQL's own message, detail or hint, which may quote values.
 */
import { poolerAdvice } from "../../shared/postgres/refusal.ts"
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

const AWAY = "PostgreSQL does not answer"
const UNKNOWN_HOST = "The name of PostgreSQL's host is not known"

/** Why nothing can be written, by SQLSTATE or code, and where somebody has to, what to repair. */
const OF_DATABASES: ReadonlyArray<readonly [string, string]> = [
  ["08P01", "A proxy like PgBouncer does not take our settings of a session"],
  ["2200H", "A sequence that a trigger or the table uses is at its end: raise its maximum"],
  ["23", "A constraint refuses the rows that wait, of the table or of one that a trigger writes"],
  ["25006", "PostgreSQL only reads: it is a standby, or default_transaction_read_only is on"],
  ["28P01", "PostgreSQL refuses the password: mend DATABASE_URL"],
  ["28", "PostgreSQL refuses the login: mend DATABASE_URL or pg_hba.conf"],
  ["3D000", "The database does not exist: mend DATABASE_URL, or create it"],
  ["3F000", "A schema is missing, of the table or in a trigger: create it, or run npm run migrate"],
  ["40", "Batches get in each other's way again and again"],
  [
    "42501",
    "A right is missing, or a policy refuses all rows: grant insert and update on the table",
  ],
  ["42703", "A column is missing, of the table or in a trigger: run npm run migrate"],
  ["42704", "PostgreSQL does not know a setting or a type: mend the parameters of DATABASE_URL"],
  ["42883", "A function that a trigger uses is missing: create it"],
  ["42P01", "The table is missing, or one that a trigger uses: run npm run migrate"],
  ["53100", "The disk of PostgreSQL is full: make room"],
  ["53200", "PostgreSQL has no memory left"],
  ["53300", "PostgreSQL has no connection to spare: raise max_connections or the role's limit"],
  ["55P03", "Rows or the table stay locked: see pg_locks"],
  ["57014", "PostgreSQL is too slow for even one row"],
  ["57P", "PostgreSQL stops, starts or closes connections"],
  ["58", "PostgreSQL cannot read or write its files: see its log"],
  ["P0", "A trigger refuses the rows that wait"],
  ["NO_", "No host of DATABASE_URL is the server that writes: a failover goes on, or has failed"],
  ["ECONNREFUSED", "PostgreSQL is not running, or not at the address in DATABASE_URL"],
  ["ENOTFOUND", UNKNOWN_HOST],
  ["EAI_AGAIN", UNKNOWN_HOST],
  ["SASL", "PostgreSQL refuses the password: mend DATABASE_URL"],
  [
    "queue of",
    "The queue belongs to another database: mend WRITE_QUEUE_NAME, REDIS_URL or DATABASE_URL, " +
      "or give it to this one with npm run queue -- adopt",
  ],
  ["defect", "The worker has a fault: its log says more"],
]

const byCode = <A>(table: ReadonlyArray<readonly [string, A]>, code: string): A | undefined =>
  table.find(([prefix]) => code.startsWith(prefix))?.[1]

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
  DatabaseUnavailable: AWAY,
  BatchFailed: "PostgreSQL fails batch after batch",
  WriteRejected: "PostgreSQL rejects a row",
  StatementRefused: "PostgreSQL refuses the rows that wait",
  DatabaseMisconfigured: "PostgreSQL cannot be used as it is",
}

/** Why writes are held: `PostgreSQL does not answer (CONNECT_TIMEOUT); nothing is lost; it goes …`. */
export const holdReason = (error: WriteError): string => {
  const what =
    poolerAdvice(error.cause) ??
    byCode(OF_DATABASES, error.sqlstate ?? error.reason) ??
    OTHERWISE[error._tag]
  return `${what} (${error.reason}); ${OUTLOOK[error._tag]}`
}
