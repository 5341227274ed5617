/** `--from postgres`: the declaration of a table that is there, and what it lacks for that. */
import type { Sql } from "../../shared/postgres/postgres.ts"
import { type FoundTable, selectCatalog } from "../../shared/table/catalog.ts"
import { compare } from "../../shared/table/check.ts"
import { TableError } from "./command.ts"
import { declarationOf, importsOf } from "./declaration.ts"
import { derive } from "./derive.ts"

/** Of the tables that there are. */
const NAMES_MAX = 20

const selectNames = async (sql: Sql): Promise<ReadonlyArray<string>> => {
  const rows = await sql<Array<{ name: string }>>`
    select relname as name from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'p') and not relispartition and pg_table_is_visible(pg_class.oid)
      and nspname <> 'information_schema' and nspname not like 'pg\\_%'
    order by relname limit ${NAMES_MAX}`
  return rows.map(({ name }) => name)
}

const find = async (sql: Sql, name: string): Promise<FoundTable> => {
  const [found] = await selectCatalog(sql, [name])
  if (found && /^[rp]$/.test(found.kind ?? "")) return found
  if (found?.kind) throw new TableError(`${name} of PostgreSQL is no table`)
  const names = await selectNames(sql)
  const others = names.length > 0 ? `it has ${names.join(", ")}` : "it has none"
  const elsewhere = found?.elsewhere ? `; schema=${found.elsewhere} in DATABASE_URL finds one` : ""
  throw new TableError(`PostgreSQL has no table ${name}, ${others}${elsewhere}`)
}

const comment = (text: string) => text.replaceAll(/^/gm, "// ")

/**
 * An entry of `declareTables`, and comments: what it imports, what PostgreSQL lacks, how to go on.
 * @throws {TableError} when there is no such table, or no declaration fits it.
 */
export const declarationFrom = async (sql: Sql, name: string): Promise<string> => {
  const found = await find(sql, name)
  const { table, entries } = derive(found)
  const findings = compare({ table, found, purpose: "migrate" })
  const lacks = findings.map(({ sentence, sql }) =>
    [`- ${sentence}`, ...(sql ? [sql.replaceAll(/^/gm, "    ")] : [])].join("\n"),
  )
  const rest = [
    `Put it into shared/tables.ts, with ${importsOf(table)}.`,
    ...(lacks.length > 0
      ? [
          ...["What PostgreSQL lacks for it:", ...lacks],
          `Then npm run table -- ${name} --sql --write makes a migration of that, and npm run migrate applies it.`,
        ]
      : ["PostgreSQL lacks nothing for it."]),
  ]
  return `${declarationOf(table, entries)}\n\n${comment(rest.join("\n"))}\n`
}
