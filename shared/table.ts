/**
 * The table's statements: the upsert of a batch, the row of a key, and what a queue must know of the table
 * and its database. With `write.ts` and a migration this is all that names its columns.
 */
import { Schema } from "effect"
import type { Item } from "./item.ts"
import type { Sql } from "./postgres/postgres.ts"
import type { Write } from "./write.ts"

/** As PostgreSQL names the table beside an error. */
export const TABLE_NAME = "key_values"

/** Its columns that every write has. */
export const COLUMN_NAMES: ReadonlyArray<string> = ["key", "value", "version", "updated_at"]

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

/** How much of the table is looked at for a row to rehearse with. */
const WITNESSES_MAX = 100

/** The row of the key, else the newest of some; undefined when the table is empty. */
const selectWitness = async (sql: Sql, preferred: string): Promise<Item | undefined> => {
  const [row] = await sql<[{ key: string; value: string; version: string }?]>`
    select key, value, version from (
      (select key, value, version from key_values where key = ${preferred})
      union all (select key, value, version from key_values limit ${WITNESSES_MAX})
    ) as witnesses
    order by key = ${preferred} desc, version desc limit 1`
  return row && { version: Number(row.version), write: { key: row.key, value: row.value } }
}

/** Makes room for a row with the same key. False when the role may not, or a rule of the table forbids it. */
const remove = async (sql: Sql, key: string): Promise<boolean> => {
  await sql`savepoint before_removal`
  try {
    const { count } = await sql`delete from key_values where key = ${key}`
    return count > 0
  } catch {
    await sql`rollback to before_removal`
    return false
  }
}

/**
 * Writes the row under a key like its own that hardly any row has: what rules ask of keys, it mostly
 * fulfils as well. A constraint of the table's own that it violates says nothing of other rows.
 */
const upsertSimilar = async (sql: Sql, { version, write: { key, value } }: Item) => {
  const similar = key + ([...key].at(-1) ?? "").repeat(2)
  try {
    await upsert(sql, [{ version, write: { key: similar, value } }])
  } catch (error) {
    const { code, table_name } = error as { code?: string; table_name?: string }
    if (!code?.startsWith("23") || table_name !== TABLE_NAME) throw error
  }
}

/**
 * Writes a stored row as a newer one and as one that was not there, and undoes both: shows whether the
 * table takes rows, with every trigger, policy and constraint that a row of the queue meets. The row of
 * the key `preferred`, or any other when there is none; false when the table is empty. Needs a connection
 * that nothing else uses: what another query wrote on it would be undone as well.
 * @throws what refuses the row.
 */
export const rehearse = async (sql: Sql, preferred: string): Promise<boolean> => {
  const witness = await selectWitness(sql, preferred)
  if (witness === undefined) return false
  const { key } = witness.write
  const newer = { ...witness, version: witness.version + 1 }
  await sql`begin`
  try {
    await upsert(sql, [newer])
    await sql`set constraints all immediate`
    // A trigger may see inserts alone.
    if (await remove(sql, key)) await upsert(sql, [newer])
    else await upsertSimilar(sql, newer)
  } finally {
    await sql`rollback`
  }
  return true
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
