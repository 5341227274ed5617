/**
 * Buries writes: makes dead letters of those that can never be stored, each with the reason, and says why
 * most of a batch's died. In plain words, with names of constraints, columns and tables and the code to
 * search for; never PostgreSQL's own message, detail or hint, which may quote values. The letters go to
 * the queue with the acknowledgement of their batch.
 */
import { decodeDeadLetter, encodeDeadLetter, type Unreadable } from "../../shared/item.ts"
import { byCode } from "../../shared/postgres/trouble.ts"
import type { WriteError } from "./errors.ts"
import type { Bad } from "./evidence/sift.ts"
import type { Batch } from "./queue.ts"

/** A row that PostgreSQL refuses. */
export const buryRejected = ({ item, error }: Bad, at: string): string =>
  encodeDeadLetter(item, rowReason(error), error.sqlstate, at)

/** What stands in the queue and is no write. */
export const buryUnreadable = (item: Unreadable, at: string): string =>
  encodeDeadLetter(item, item.reason, null, at)

/** All of a batch that may be what ends the workers that have it. */
export const buryBatch = ({ items, unreadable, lostLeases }: Batch, at: string) =>
  [...items, ...unreadable].map((item) =>
    encodeDeadLetter(item, `${lostLeases} workers went silent with it`, null, at),
  )

/** Why most of the dead letters died. It quotes no data, unlike the letters. */
export const commonReason = (letters: ReadonlyArray<string>): string => {
  const counts = new Map<string, number>()
  for (const letter of letters) {
    const { reason } = decodeDeadLetter(letter).shown
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  const [[reason] = [""]] = [...counts].sort(([, one], [, other]) => other - one)
  return reason
}

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

/** Why a row was buried: `violates check constraint "no_markup" of key_values (SQLSTATE 23514)`. */
export const rowReason = (error: WriteError): string =>
  `${byCode(OF_ROWS, error.sqlstate ?? "")?.(fieldsOf(error))} (${error.reason})`
