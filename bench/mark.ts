/**
 * Marks: each write of a run has one in its row, so that a row that is lost or there twice can be found. In
 * the key, or where rows have none in the first column that can hold it.
 */
import { DEFAULT_TABLE } from "../shared/item.ts"
import { sampleRow } from "../shared/table/sample.ts"
import { keyColumn, type Table } from "../shared/table/table.ts"
import { TABLES } from "../shared/tables.ts"
import type { Write } from "../shared/write.ts"

/** Of the strings and numbers that the run writes, a row has about so much besides. */
export const VALUE_BYTES = 100

const LABEL_DIGITS = 4
const CLIENT_DIGITS = 3
export const NUMBER_DIGITS = 8

/** The digits of a label, a client and a number, of a fixed length each. */
type Form = (label: string, client: string, number: string, name: string) => string

const named: Form = (_, client, number, name) => [name, client, number].join(":")
/** Begins with 1, for no number begins with a zero; below 2^53. */
const counted: Form = (label, client, number) => `1${label}${client}${number}`

/** What a mark is in a column of each kind. All of one label have one length, and end with their number. */
const FORMS: Readonly<Record<string, Form>> = {
  text: named,
  json: named,
  integer: counted,
  number: counted,
  uuid: (label, client, number) => `${label}0${client}-0000-4000-8000-0000${number}`,
}

const digits = (number: number | string, length: number) => String(number).padStart(length, "0")

/** How a run writes rows of a table. */
export interface Marked {
  readonly table: Table
  /** Where they are POSTed. */
  readonly path: string
  /** The column with the mark. */
  readonly column: string
  /** Names a write: what else the label begins must be new in the table. */
  readonly mark: (label: string, client: number, number: number) => string
  readonly write: (mark: string, valueBytes?: number) => Write
}

/** Undefined when a table has no column that can tell the rows of a run apart. */
export const markTable = (table: Table): Marked | undefined => {
  const { name, columns } = table
  const wanted = keyColumn(table)
  const mark = (form: Form) => (label: string, client: number, number: number) =>
    form(
      digits(label.replaceAll(/\D/g, ""), LABEL_DIGITS),
      digits(client, CLIENT_DIGITS),
      digits(number, NUMBER_DIGITS),
      label,
    )
  for (const [column, { kind, flaw, normalize }] of Object.entries(columns)) {
    const form = FORMS[kind]
    if (form === undefined || (wanted !== null && wanted !== column)) continue
    const value = (text: string) => (kind === "number" ? Number(text) : normalize(text))
    const make = mark(form)
    if (flaw(value(make("load-0000", 0, 0)), VALUE_BYTES) !== null) continue
    return {
      ...{ table, column, mark: make },
      path: table === DEFAULT_TABLE ? "/write" : `/write/${name}`,
      write: (text, valueBytes = VALUE_BYTES) => {
        const row = { ...sampleRow(table, 1, valueBytes), [column]: value(text) }
        return { table, row, isDelete: false }
      },
    }
  }
  return undefined
}

/** Where its rows are read, before their key. */
export const readPath = ({ path }: Marked): string => path.replace("write", "read")

/** What a run can write, by the names of the tables. */
export const MARKED: ReadonlyMap<string, Marked> = new Map(
  Object.values<Table>(TABLES).flatMap((table) => {
    const marked = markTable(table)
    return marked ? [[table.name, marked]] : []
  }),
)

export const findTable = (name = DEFAULT_TABLE.name): Marked => {
  const found = MARKED.get(name)
  if (found === undefined) throw new Error(`${name} is no table that can be measured`)
  return found
}
