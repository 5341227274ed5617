/**
 * The statement that writes a batch's rows of one table, and what all statements that follow from a
 * declaration have in common. Names are quoted, so that any declared name is one.
 */
import type { Sql } from "../postgres/postgres.ts"
import { keyColumn, type Table } from "./table.ts"

export const quoted = (name: string) => `"${name}"`

/** A statement whose text is made once: what is between the parts are its parameters. */
export const template = (...parts: ReadonlyArray<string>): TemplateStringsArray =>
  Object.assign([...parts], { raw: parts })

/** An array as PostgreSQL reads one. Strings are quoted, so that NULL, braces and commas are text. */
export const arrayOf = (texts: ReadonlyArray<string>) =>
  `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`

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

const writeOf = once((table) => {
  const columns = Object.keys(table.columns).map(quoted)
  const types = Object.entries(table.columns).map(([name, { sql }]) => `${quoted(name)} ${sql}`)
  const marker = table.deletes ? ["deleted_at boolean"] : []
  const others = filled(table)
  return template(
    `insert into ${quoted(table.name)} as stored (${[...columns, ...others.map(([name]) => name)].join(", ")})
    select ${[...columns, ...others.map(([, value]) => value)].join(", ")} from json_to_recordset(`,
    `::text::json) as batch (${[...types, "version bigint", ...marker].join(", ")}) ${conflict(table)}`,
  )
})

/**
 * Writes all records, JSON objects as items have them, in one statement; one whose row has the same or a
 * higher version changes nothing. Each key at most once (PostgreSQL refuses a second, 21000), sorted by
 * key (two batches that lock the same rows then do so in the same order). With none it still needs the
 * table and the right to write it, which makes it the probe of a table that failed. Resolves to how many
 * rows were new or changed.
 */
export const write = async (
  sql: Sql,
  table: Table,
  records: ReadonlyArray<string>,
): Promise<number> => (await sql(writeOf(table), `[${records.join(",")}]`)).count

/** The column by which a row is found, and its type. */
export const finder = (table: Table) => {
  const name = keyColumn(table) ?? "version"
  return { name, type: table.columns[name]?.sql ?? "bigint" }
}
