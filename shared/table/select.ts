/** What is read of the tables: the rows of keys, and what a queue must know of them and their database. */
import type { Sql } from "../postgres/postgres.ts"
import { type Column, timestamp } from "./column.ts"
import { arrayOf, finder, once, quoted, template } from "./statement.ts"
import type { StoredRow, Table } from "./table.ts"

const instant = timestamp()
/** A version is below 2^53 until the year 2255. */
const VERSION: Pick<Column, "select" | "read"> = {
  select: (name) => `${name}::text`,
  read: Number,
}
/** Of a row that was deleted, the others but its key and its version are null. */
const DELETED: Pick<Column, "select"> = { select: (name) => `(${name} is not null)::text` }
/** Milliseconds are enough to say when a row was written. */
const UPDATED_AT: Pick<Column, "select" | "read"> = {
  select: (name) => instant.select(`date_trunc('milliseconds', ${name})`),
  read: instant.read,
}

/** A row as it is selected: texts under the names of the columns. */
export type Selected = Readonly<Record<string, string | null>>

/** What is selected of a table's rows, and how a row is read of that. */
export const rowsOf = once((table) => {
  const columns: ReadonlyArray<readonly [string, Pick<Column, "select" | "read">]> = [
    ...Object.entries(table.columns),
    ["version", VERSION],
    ...(table.updatedAt ? [["updated_at", UPDATED_AT] as const] : []),
  ]
  const marked = [...columns, ...(table.deletes ? [["deleted_at", DELETED] as const] : [])]
  const selected = marked.map(([name, { select }]) => `${select(quoted(name))} as ${quoted(name)}`)
  const read = (found: Selected): StoredRow =>
    Object.fromEntries(
      columns.map(([name, column]) => {
        const selected = found[name] ?? null
        return [name, selected === null ? null : column.read(selected)]
      }),
    ) as StoredRow
  return { selected: selected.join(", "), read }
})

const byKeys = once((table) => {
  const { name, type } = finder(table)
  return template(
    `select ${rowsOf(table).selected} from ${quoted(table.name)} where ${quoted(name)} = any(`,
    `::text[]::${type}[])`,
  )
})

/** What a table has of a key. A row that was deleted leaves the version of its deletion. */
export interface Found {
  readonly version: number
  /** Null when it was deleted. */
  readonly row: StoredRow | null
}

/** What there is of these keys, each under its key as text, in no order. */
export const selectRows = async (
  sql: Sql,
  table: Table,
  keys: ReadonlyArray<string>,
): Promise<ReadonlyMap<string, Found>> => {
  const { read } = rowsOf(table)
  const { name } = finder(table)
  const found = await sql<Array<Selected>>(byKeys(table), arrayOf(keys))
  return new Map(
    found.map((selected) => {
      const row = read(selected)
      const { version } = row
      return [String(row[name]), { version, row: selected.deleted_at === "true" ? null : row }]
    }),
  )
}

/** The highest version in these tables, 0 where there are no rows; a table that is not there has none. */
export const selectHighestVersion = async (
  sql: Sql,
  tables: ReadonlyArray<Table>,
): Promise<number> => {
  let highest = 0
  for (const { name } of tables) {
    const [place] = await sql<[{ found: boolean }]>`
      select to_regclass(${quoted(name)}) is not null as found`
    if (!place.found) continue
    const [row] = await sql<[{ highest: string }]>(
      template(`select coalesce(max(version), 0)::text as highest from ${quoted(name)}`),
    )
    highest = Math.max(highest, Number(row.highest))
  }
  return highest
}

/** May not be called, or is not there: on some of the systems that speak PostgreSQL's protocol. */
const NO_SYSTEM_IDENTIFIER = /^(42501|42883|0A000)$/

/**
 * Which database this is: the identifier that initdb gave the server, which a physical standby shares and
 * a copy by dump and restore does not; the database's name; and the schema in which the first of the
 * tables is, or would be made.
 */
export const selectIdentity = async (sql: Sql, tables: ReadonlyArray<Table>): Promise<string> => {
  const names = arrayOf(tables.map(({ name }) => quoted(name)))
  const [place] = await sql<[{ name: string; schema: string }]>`
    select current_database() as name, coalesce((
      select nspname from unnest(${names}::text[]) with ordinality as declared (name, number)
      join pg_class on pg_class.oid = to_regclass(declared.name)
      join pg_namespace on pg_namespace.oid = relnamespace
      order by number limit 1
    ), current_schema(), '') as schema`
  const system = await sql<[{ id: string }]>`
    select system_identifier::text as id from pg_control_system()`.then(
    ([row]) => row.id,
    (error: { code?: string }) => {
      if (NO_SYSTEM_IDENTIFIER.test(error.code ?? "")) return ""
      throw error
    },
  )
  return [system, place.name, place.schema].join("/")
}
