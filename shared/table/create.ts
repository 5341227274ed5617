/** The statement that makes a table as it is declared: the body of its first migration. */
import { WHOLE } from "./catalog.ts"
import { quoted } from "./statement.ts"
import { keyColumn, type Table } from "./table.ts"

/** PostgreSQL cuts longer names off at their end. */
const NAME_MAX_LENGTH = 63

/** Of a column in `table`; text that is a key has an order that no upgrade of the C library changes. */
export const typeOf = (table: Table, name: string): string => {
  const { sql = "bigint" } = table.columns[name] ?? {}
  return name === keyColumn(table) && sql === "text" ? 'text collate "C"' : sql
}

/** The constraint that a row is deleted, or has all of these. */
export const wholeOf = ({ name }: Table, columns: ReadonlyArray<string>): string => {
  const constraint = name.slice(0, NAME_MAX_LENGTH - WHOLE.length) + WHOLE
  const all = columns.map((column) => `${quoted(column)} is not null`).join(" and ")
  const whole = columns.length > 1 ? `(${all})` : all
  return `constraint ${quoted(constraint)} check ("deleted_at" is not null or ${whole})`
}

/** Tombstones are swept in the order of their age. */
export const indexOfDeleted = ({ name }: Table): string =>
  `create index on ${quoted(name)} ("deleted_at") where "deleted_at" is not null`

const columnsOf = (table: Table): ReadonlyArray<string> => {
  const key = keyColumn(table)
  return Object.entries(table.columns).map(([name, { isNullable }]) => {
    const isOpen = isNullable || (table.deletes && name !== key)
    const rule = name === key ? " primary key" : isOpen ? "" : " not null"
    return `${quoted(name)} ${typeOf(table, name)}${rule}`
  })
}

const upsertOf = (table: Table): string => {
  const required = Object.entries(table.columns)
    .filter(([name, { isNullable }]) => name !== keyColumn(table) && !isNullable)
    .map(([name]) => name)
  const isGuarded = table.deletes && required.length > 0
  const lines = [
    ...columnsOf(table),
    '"version" bigint not null',
    ...(table.deletes ? ['"deleted_at" timestamptz'] : []),
    ...(table.updatedAt ? ['"updated_at" timestamptz not null default now()'] : []),
    ...(isGuarded ? [wholeOf(table, required)] : []),
  ]
  // Room in each page for HOT updates.
  const create = `create table ${quoted(table.name)} (\n  ${lines.join(",\n  ")}\n) with (fillfactor = 85)`
  return table.deletes ? `${create};\n${indexOfDeleted(table)}` : create
}

/** Partitioned by a range, with one partition for all: others are made beside it, one for each month, say. */
const appendOf = (table: Table): string => {
  const [, ...parts] = table.key
  const by = parts.map(quoted).join(", ")
  const lines =
    parts.length === 0
      ? ['"version" bigint primary key', ...columnsOf(table)]
      : ['"version" bigint', ...columnsOf(table), `primary key ("version", ${by})`]
  const create = `create table ${quoted(table.name)} (\n  ${lines.join(",\n  ")}\n)`
  if (parts.length === 0) return create
  const rest = `${table.name.slice(0, NAME_MAX_LENGTH - "_rest".length)}_rest`
  return (
    `${create} partition by range (${by});\n` +
    `create table ${quoted(rest)} partition of ${quoted(table.name)} default`
  )
}

/** Statements with semicolons between them. */
export const createTable = (table: Table): string =>
  table.mode === "append" ? appendOf(table) : upsertOf(table)
