/** What the benchmark does to a table, and no service does. */
import type { Sql } from "../postgres/postgres.ts"
import { arrayOf, finder, once, quoted, template } from "./statement.ts"
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
  const texts = Object.entries(table.columns).map(([name, { kind }]) => {
    const value = row[name] ?? null
    return value === null ? null : kind === "json" ? JSON.stringify(value) : String(value)
  })
  await sql(oneOf(table), ...texts, version)
}

/** Empties a table between two loads of the benchmark. */
export const truncate = async (sql: Sql, table: Table): Promise<void> => {
  await sql(template(`truncate ${quoted(table.name)}`))
}

/** How many of the keys have no row: what a load lost. */
export const countMissing = async (
  sql: Sql,
  table: Table,
  keys: ReadonlyArray<string>,
): Promise<number> => {
  const { name, type } = finder(table)
  const [row] = await sql<[{ missing: string }]>(
    template(
      "select count(*)::text as missing from unnest(",
      `::text[]) as wanted where not exists (
        select from ${quoted(table.name)} where ${quoted(name)} = wanted::${type})`,
    ),
    arrayOf(keys),
  )
  return Number(row.missing)
}
