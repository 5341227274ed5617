/**
 * The table's statements: the upsert of a batch, the row of a key, and what a queue must know of the table
 * and its database. With `write.ts` and a migration this is all that names its columns.
 */
import { Schema } from "effect"
import type { Item } from "./item.ts"
import type { Sql } from "./postgres/postgres.ts"
import type { Write } from "./write.ts"

/** An array as PostgreSQL reads one. Strings are quoted, so that NULL, braces and commas are text. */
const arrayOf = (texts: ReadonlyArray<string>) =>
  `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`

/**
 * Writes all items in one statement; an item whose row has the same or a higher version changes
 * nothing. Each key at most once (PostgreSQL refuses a second, 21000), sorted by key (two batches that
 * lock the same rows then do so in the same order). With no items it still needs the table and the
 * right to write it, which makes it the probe of a database that failed. Resolves to how many rows were
 * new or changed.
 */
export const upsert = async (sql: Sql, items: ReadonlyArray<Item>): Promise<number> => {
  const { count } = await sql`
    insert into key_values as stored (key, value, version)
    select key, value, version
    from unnest(
      ${arrayOf(items.map(({ write }) => write.key))}::text[],
      ${arrayOf(items.map(({ write }) => write.value))}::text[],
      ${`{${items.map(({ version }) => version).join(",")}}`}::bigint[]
    ) as batch (key, value, version)
    on conflict (key) do update
    set value = excluded.value, version = excluded.version, updated_at = excluded.updated_at
    where stored.version < excluded.version`
  return count
}

/** A row as GET /read answers it. */
export const Row = Schema.Struct({
  key: Schema.String,
  value: Schema.String,
  version: Schema.Int,
  updated_at: Schema.String,
})

export type Row = typeof Row.Type

/**
 * The row of a key, or undefined. Versions are below 2^53 until the year 2255. The time is asked for in
 * milliseconds: as text it would depend on the session's DateStyle.
 */
export const selectRow = async (sql: Sql, key: string): Promise<Row | undefined> => {
  const [row] = await sql<[{ value: string; version: string; millis: string }?]>`
    select value, version, floor(extract(epoch from updated_at) * 1000)::bigint as millis
    from key_values where key = ${key}`
  return (
    row && {
      key,
      value: row.value,
      version: Number(row.version),
      updated_at: new Date(Number(row.millis)).toISOString(),
    }
  )
}

/** The highest version in the table, 0 when it is empty. A scan: asked once for each life of Redis' data. */
export const selectHighestVersion = async (sql: Sql): Promise<number> => {
  const [row] = await sql<[{ highest: string }]>`
    select coalesce(max(version), 0) as highest from key_values`
  return Number(row.highest)
}

/** May not be called, or is not there: on some of the systems that speak PostgreSQL's protocol. */
const NO_SYSTEM_IDENTIFIER = /^(42501|42883|0A000)$/

/**
 * Which database this is: the identifier that initdb gave the server, which a physical standby shares and
 * a copy by dump and restore does not; the database's name; and the schema in which the table is.
 * Rejects with 42P01 while there is no table.
 */
export const selectIdentity = async (sql: Sql): Promise<string> => {
  const [place] = await sql<[{ name: string; schema: string }]>`
    select current_database() as name, (
      select nspname from pg_namespace join pg_class on pg_namespace.oid = relnamespace
      where pg_class.oid = 'key_values'::regclass
    ) as schema`
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

/** What a buffer is compared with, and no service does: one write at a time, its versions counted by the row. */
export const upsertOne = async (sql: Sql, { key, value }: Write): Promise<void> => {
  await sql`
    insert into key_values as stored (key, value, version) values (${key}, ${value}, 1)
    on conflict (key) do update set
      value = excluded.value, version = stored.version + 1, updated_at = excluded.updated_at`
}

/** Empties the table between two loads of the benchmark. */
export const truncate = async (sql: Sql): Promise<void> => {
  await sql`truncate key_values`
}

/** How many of the keys have no row: what a load lost. */
export const countMissing = async (sql: Sql, keys: ReadonlyArray<string>): Promise<number> => {
  const [row] = await sql<[{ missing: string }]>`
    select count(*) as missing from unnest(${arrayOf(keys)}::text[]) as wanted
    where not exists (select from key_values where key = wanted)`
  return Number(row.missing)
}
