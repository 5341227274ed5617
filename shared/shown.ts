/**
 * What operators see of a write that waits or has died, whatever its table is: the table, the key where the
 * row has one, and the row as text.
 */
import { Schema } from "effect"
import { keyColumn, type Row, type Table } from "./table/table.ts"
import { TABLES } from "./tables.ts"

const Shown = Schema.Struct({
  table: Schema.String,
  key: Schema.NullOr(Schema.String),
  /** Of `key_values` its column of this name, of other tables the row as JSON, of a deletion empty. */
  value: Schema.String,
  deleted: Schema.optionalKey(Schema.Literal(true)),
})

/** The lot in which a write is set aside. */
const parked = Schema.optionalKey(Schema.String)

/** A write that waits, as operators see it. */
export const Waiting = Schema.Union([
  Schema.Struct({ version: Schema.Int, ...Shown.fields, parked }),
  Schema.Struct({ version: Schema.NullOr(Schema.Int), unreadable: Schema.String, parked }),
])

/** A dead letter, as operators see it. What was no write has no table and no key, and its text for a value. */
export const DeadLetter = Schema.Struct({
  version: Schema.Int,
  ...Shown.fields,
  table: Schema.NullOr(Schema.String),
  reason: Schema.String,
  sqlstate: Schema.NullOr(Schema.String),
  /** When it died, in ISO 8601. */
  at: Schema.String,
})

type Shown = typeof Shown.Type
export type Waiting = typeof Waiting.Type

/** The members of an item in Redis, and of a letter. */
export interface Members {
  readonly table?: string
  readonly key?: string | null
  readonly value?: string
  readonly row?: unknown
  readonly delete?: unknown
}

/** The key of a row, also when the table is declared no more, or not yet: then it has none to show. */
const keyOf = (table: string, row: unknown): string | null => {
  const known = Object.values<Table>(TABLES).find(({ name }) => name === table)
  const name = known && keyColumn(known)
  const key = name && (row as Row | null)?.[name]
  return key === undefined || key === null ? null : String(key)
}

export const showRow = (members: Members): Shown => {
  const { table = TABLES.key_values.name, key = null, value = "", row } = members
  if (members.delete !== undefined) {
    return { table, key: String(members.delete), value: "", deleted: true }
  }
  return row === undefined
    ? { table, key, value }
    : { table, key: keyOf(table, row), value: JSON.stringify(row) }
}
