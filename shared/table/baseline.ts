/** What the benchmark does to a table, and no service does. */
import type { Sql } from "../postgres/postgres.ts"
import { arrayOf, once, quoted, template } from "./statement.ts"
import type { Row, Table } from "./table.ts"

const oneOf = once((table) => {
  const columns = Object.entries(table.columns)
  const updated = table.updatedAt ? ["updated_at"] : []
  const casts = [...columns.map(([, { sql }]) => `::text::${sql}`), "::bigint"]
  const names = [...columns.map(([name]) => quoted(name)), "version", ...updated]
  const conflict = `on conflict (${table.key.map(quoted).join(", ")})`
  const set = [...names.filter((name) => name !== "version"), ...updated]
    .map((name) => `${name} = excluded.${name}`)
    .concat("version = stored.version + 1")
  const end = `${updated.map(() => ", now()").join("")}) ${conflict} do ${
    table.mode === "append" ? "nothing" : `update set ${[...new Set(set)].join(", ")}`
  }`
  return template(
    `insert into ${quoted(table.name)} as stored (${names.join(", ")}) values (`,
    ...casts.map((cast, index) => cast + (index + 1 < casts.length ? ", " : end)),
  )
})

/**
 * What a buffer is compared with: one write at a time. A row of a key counts its versions, an appended one
 * gets the version that is given.
 */
export const writeOne = async (sql: Sql, table: Table, row: Row, version = 1): Promise<void> => {
  const texts = Object.entries(table.columns).map(([name, column]) => {
    const value = row[name] ?? null
    return value === null ? null : column.toText(value)
  })
  await sql(oneOf(table), ...texts, version)
}

/** Empties a table between two loads of the benchmark. */
export const truncate = async (sql: Sql, table: Table): Promise<void> => {
  await sql(template(`truncate ${quoted(table.name)}`))
}

/** How many of the marks no row has in this column: what a load lost. */
export const countMissing = async (
  sql: Sql,
  table: Table,
  column: string,
  marks: ReadonlyArray<string>,
): Promise<number> => {
  const type = table.columns[column]?.sql
  const mark = type === "jsonb" ? "to_jsonb(wanted)" : `wanted::${type}`
  const [row] = await sql<[{ missing: string }]>(
    template(
      "select count(*)::text as missing from unnest(",
      `::text[]) as wanted where not exists (
        select from ${quoted(table.name)} where ${quoted(column)} = ${mark})`,
    ),
    arrayOf(marks),
  )
  return Number(row.missing)
}

/** How many rows have a mark that another one has: what was stored more than once. */
export const countRepeated = async (sql: Sql, table: Table, column: string): Promise<number> => {
  const [row] = await sql<[{ repeated: string }]>(
    template(
      `select (count(${quoted(column)}) - count(distinct ${quoted(column)}))::text as repeated
      from ${quoted(table.name)}`,
    ),
  )
  return Number(row.repeated)
}
