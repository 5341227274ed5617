/**
 * Which migrations a database has: a table of our own name, with the name and the time of each. A run makes
 * the table only when it has something to apply, so that a role that may create nothing passes when there is
 * nothing to do.
 */
import type { Runner, Sql } from "../../shared/postgres/postgres.ts"

/** "write-buffer" as a number nobody else has reason to lock. */
const ADVISORY_LOCK = 7_749_018_006

export interface Migration {
  readonly name: string
  readonly text: string
}

interface Found {
  readonly hasLedger: boolean
  readonly hasFormer: boolean
}

/**
 * The ledger was once called schema_migrations, as frameworks call theirs: a table of that name is ours when
 * it has our two columns and no others. It is only read, because builds of that time still use it.
 */
const find = async (sql: Runner): Promise<Found> => {
  const [found] = await sql<[Found]>`
    select
      to_regclass('write_buffer_migrations') is not null as "hasLedger",
      coalesce(
        has_table_privilege(to_regclass('schema_migrations'), 'select')
          and (
            select string_agg(attname, ' ' order by attname) from pg_attribute
            where attrelid = to_regclass('schema_migrations') and attnum > 0 and not attisdropped
          ) = 'applied_at name',
        false
      ) as "hasFormer"`
  return found
}

type Row = { name: string }

const readNames = async (sql: Runner, { hasLedger, hasFormer }: Found) => {
  const rows = hasLedger ? await sql<Row[]>`select name from write_buffer_migrations` : []
  const former = hasFormer ? await sql<Row[]>`select name from schema_migrations` : []
  const names = (found: ReadonlyArray<Row>) => new Set(found.map(({ name }) => name))
  return { ledger: names(rows), former: names(former) }
}

/** The files that the database does not have yet, in their order. */
const readMissing = async (sql: Runner, files: ReadonlyArray<Migration>) => {
  const found = await find(sql)
  const { ledger, former } = await readNames(sql, found)
  return {
    hasLedger: found.hasLedger,
    missing: files.filter(({ name }) => !ledger.has(name) && !former.has(name)),
    takenOver: files.filter(({ name }) => !ledger.has(name) && former.has(name)),
  }
}

const record = (sql: Runner, name: string) =>
  sql`insert into write_buffer_migrations (name) values (${name})`

/**
 * Applies what is missing, all in one transaction, under a lock: any number of these may run at once.
 * Resolves to the names of what was applied.
 */
export const migrate = async (
  sql: Sql,
  files: ReadonlyArray<Migration>,
): Promise<ReadonlyArray<string>> => {
  if ((await readMissing(sql, files)).missing.length === 0) return []
  const applied: string[] = []
  await sql.begin(async (transaction) => {
    await transaction`set local lock_timeout = 0`
    await transaction`select pg_advisory_xact_lock(${ADVISORY_LOCK})`
    const { hasLedger, missing, takenOver } = await readMissing(transaction, files)
    // Another run applied them while this one waited for the lock.
    if (missing.length === 0) return
    if (!hasLedger) {
      await transaction`
        create table write_buffer_migrations (
          name text primary key,
          applied_at timestamptz not null default now()
        )`
    }
    for (const { name } of takenOver) await record(transaction, name)
    for (const { name, text } of missing) {
      await transaction.unsafe(text)
      await record(transaction, name)
      applied.push(name)
    }
  })
  return applied
}
