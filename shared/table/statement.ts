/**
 * The statement that writes a batch's rows of one table, and what all statements that follow from a
 * declaration have in common. Names are quoted, so that any declared name is one.
 */

import type { Item } from "../item.ts"
import type { Sql } from "../postgres/postgres.ts"
import { keyColumn, type Table } from "./table.ts"

export const quoted = (name: string) => `"${name}"`

/** A statement whose text is made once: what is between the parts are its parameters. */
export const template = (...parts: ReadonlyArray<string>): TemplateStringsArray =>
  Object.assign([...parts], { raw: parts })

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are meant.
const CONTROL = /[\0-\x1f]/

/** What JSON writes for a control character, or text that looks like it. */
const ESCAPED_CONTROL = /\\[bfnrtu]/

/** Quoted, so that NULL, braces and commas are text. */
const element = (text: string | null): string => {
  if (text === null) return "NULL"
  return CONTROL.test(text) ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : JSON.stringify(text)
}

/**
 * An array as PostgreSQL reads one. It is JSON's in other brackets, which is made several times as fast as
 * one text after the other, but for control characters: those stand as they are.
 */
export const arrayOf = (texts: ReadonlyArray<string | null>): string => {
  const json = JSON.stringify(texts)
  const isSame = !json.includes("\\") || !ESCAPED_CONTROL.test(json)
  return `{${isSame ? json.slice(1, -1) : texts.map(element).join(",")}}`
}

/** Makes of each table's statement what is made once. */
export const once = <A>(make: (table: Table) => A) => {
  const made = new WeakMap<Table, A>()
  return (table: Table): A => {
    const known = made.get(table) ?? make(table)
    made.set(table, known)
    return known
  }
}

/** Columns of a table beside the declared ones, each with what a write puts into it. */
export const filled = ({ deletes, updatedAt }: Table): ReadonlyArray<readonly [string, string]> => [
  ["version", "version"],
  ...(deletes ? [["deleted_at", "case when deleted_at then now() end"] as const] : []),
  ...(updatedAt ? [["updated_at", "now()"] as const] : []),
]

const conflict = (table: Table): string => {
  const target = `on conflict (${table.key.map(quoted).join(", ")})`
  if (table.mode === "append") return `${target} do nothing`
  const columns = [...Object.keys(table.columns), ...filled(table).map(([name]) => name)]
  const set = columns
    .filter((name) => name !== keyColumn(table))
    .map((name) => `${quoted(name)} = excluded.${quoted(name)}`)
  return `${target} do update set ${set.join(", ")} where stored.version < excluded.version`
}

/** An array for each column: PostgreSQL reads those faster than an object for each row. */
const writeOf = once((table) => {
  const columns = Object.entries(table.columns)
  const others = filled(table)
  const marker = table.deletes ? (["deleted_at", "boolean"] as const) : null
  const given = [
    ...columns.map(([name, { sql }]) => [quoted(name), sql] as const),
    ...[["version", "bigint"] as const, ...(marker ? [marker] : [])],
  ]
  const names = columns.map(([name]) => quoted(name))
  const begin = `insert into ${quoted(table.name)} as stored (${[...names, ...others.map(([name]) => name)].join(", ")})
    select ${[...names, ...others.map(([, value]) => value)].join(", ")} from unnest(`
  const end = `) as batch (${given.map(([name]) => name).join(", ")}) ${conflict(table)}`
  const casts = given.map(([, type]) => `::text::${type}[]`)
  const statement = template(
    begin,
    ...casts.map((cast, at) => cast + (at + 1 < casts.length ? ", " : end)),
  )
  return { statement, columns }
})

/**
 * Writes items of the table in one statement; one whose row has the same or a higher version changes
 * nothing. Each key at most once (PostgreSQL refuses a second, 21000), sorted by key (two batches that
 * lock the same rows then do so in the same order). With none it still needs the table and the right to
 * write it, which makes it the probe of a table that failed. Resolves to how many rows were new or changed.
 */
export const write = async (
  sql: Sql,
  table: Table,
  items: ReadonlyArray<Item>,
): Promise<number> => {
  const { statement, columns } = writeOf(table)
  const textsOf = ([name, column]: (typeof columns)[number]) =>
    items.map(({ write: { row } }) => {
      // What a row leaves out is null, and so is all but the key of a tombstone.
      const value = Object.hasOwn(row, name) ? (row[name] ?? null) : null
      return value === null ? null : column.toText(value)
    })
  const arrays = columns.map((column) => arrayOf(textsOf(column)))
  arrays.push(`{${items.map(({ version }) => version).join(",")}}`)
  if (table.deletes) arrays.push(`{${items.map(({ write }) => write.isDelete).join(",")}}`)
  return (await sql(statement, ...arrays)).count
}

/** The column by which a row is found, and its type. */
export const finder = (table: Table) => {
  const name = keyColumn(table) ?? "version"
  return { name, type: table.columns[name]?.sql ?? "bigint" }
}
