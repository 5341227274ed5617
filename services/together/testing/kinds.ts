/**
 * Tables with a column of every kind, required and nullable, by each kind of key: declared as a user would
 * declare them, and made in PostgreSQL. Their names are words of SQL and of JavaScript.
 */
import {
  boolean,
  integer,
  json,
  nullable,
  number,
  text,
  timestamp,
  uuid,
} from "../../../shared/table/column.ts"
import {
  append,
  declareTables,
  keyColumn,
  type Table,
  upsert,
} from "../../../shared/table/table.ts"

const COLUMNS = {
  text: text(),
  integer: integer(),
  number: number(),
  boolean: boolean(),
  timestamp: timestamp(),
  json: json(),
  uuid: uuid(),
  toString: nullable(text()),
  valueOf: nullable(integer()),
  constructor: nullable(number()),
  hasOwnProperty: nullable(boolean()),
  select: nullable(timestamp()),
  Order: nullable(json()),
  user: nullable(uuid()),
}

const keyed = { columns: COLUMNS, deletes: true, updatedAt: true }

export const KINDS = declareTables({
  kinds: append({ columns: COLUMNS }),
  by_text: upsert({ ...keyed, key: "id", columns: { id: text(), ...COLUMNS } }),
  by_integer: upsert({ ...keyed, key: "id", columns: { id: integer(), ...COLUMNS } }),
  by_uuid: upsert({ ...keyed, key: "id", columns: { id: uuid(), ...COLUMNS } }),
})

/** The statement of a migration that makes the table. */
export const ddl = (table: Table): string => {
  const key = keyColumn(table)
  const columns = Object.entries(table.columns).map(([name, { sql, isNullable }]) => {
    // Of a tombstone all but the key is null.
    const isOptional = isNullable || (table.deletes && name !== key)
    return `"${name}" ${sql}${isOptional ? "" : " not null"}`
  })
  const filled = [
    "version bigint not null",
    ...(table.deletes ? ["deleted_at timestamptz"] : []),
    ...(table.updatedAt ? ["updated_at timestamptz not null"] : []),
    `primary key (${table.key.map((name) => `"${name}"`).join(", ")})`,
  ]
  return `create table "${table.name}" (${[...columns, ...filled].join(", ")})`
}
