/** What each role of the database may do with the declared tables. It follows from shared/tables.ts. */
import { quoted } from "../../shared/table/statement.ts"
import type { Table } from "../../shared/table/table.ts"
import { TABLES } from "../../shared/tables.ts"

const ALL = Object.values<Table>(TABLES)
const withDeletes = ALL.filter(({ deletes }) => deletes)

/** The text of roles.sql, with a password for each role. */
export const rolesSql = (template: string, password: (role: string) => string): string =>
  template
    .replace("{{deletes}}", withDeletes.map(({ name }) => `'${name}'`).join(", "))
    .replaceAll(/\{\{(\w+)\}\}/g, (_, role: string) => password(role))

const of = (tables: ReadonlyArray<Table>, ...statements: ReadonlyArray<(name: string) => string>) =>
  tables.flatMap(({ name }) => statements.map((statement) => statement(quoted(name))))

// None of them changes a row: a right is asked for before there is a row to change.
const select = (name: string) => `select from ${name} where false`
const insert = (name: string) => `insert into ${name} (version) select 1 where false`
const update = (name: string) => `update ${name} set version = 1 where false`
const remove = (name: string) => `delete from ${name} where false`
const truncate = (name: string) => `truncate ${name}`
const drop = (name: string) => `drop table ${name}`

const ESCALATIONS = [
  ...of(ALL, truncate, drop),
  "create table x ()",
  "create temporary table x ()",
  "select from write_buffer_migrations",
  "set role owner",
]

export const ALLOWED_SQL = {
  worker: [...of(ALL, select, insert, update), ...of(withDeletes, remove)],
  reader: of(ALL, select),
  stats: [],
}

export const FORBIDDEN_SQL = {
  worker: [
    ...of(
      ALL.filter(({ deletes }) => !deletes),
      remove,
    ),
    ...ESCALATIONS,
  ],
  reader: [...of(ALL, insert, update, remove), ...ESCALATIONS],
  stats: [...of(ALL, select, insert, update, remove), ...ESCALATIONS],
}
