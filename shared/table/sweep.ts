/** What ends tombstones: rows whose deletion is so long ago that no older write of them is to come. */
import type { Sql } from "../postgres/postgres.ts"
import { once, quoted, template } from "./statement.ts"
import { keyColumn, type Table } from "./table.ts"

export interface Sweep {
  /** A tombstone younger than this stays. */
  readonly days: number
  /** One of this version or a higher one stays as well. */
  readonly below: number
  /** How many tombstones are looked at. */
  readonly most: number
}

export interface Swept {
  /** The oldest tombstones beyond the days, without those that somebody else has locked. */
  readonly looked: number
  /** Those of them that are gone. */
  readonly swept: number
}

/**
 * By the index on deleted_at, and no further than `most` rows, also where all have to stay: those behind
 * them were deleted later, and mostly have higher versions. A row that a batch is writing is passed over,
 * so the two never wait for each other.
 */
const sweepOf = once((table) => {
  const name = quoted(table.name)
  const key = quoted(keyColumn(table) ?? "")
  return template(
    `with old as (
      select ${key}, version from ${name} where deleted_at < now() - interval '1 day' * `,
    "::float8 order by deleted_at limit ",
    `::int for update skip locked
    ), gone as (
      delete from ${name} as stored using old
      where stored.${key} = old.${key} and old.version < `,
    `::bigint returning 1
    )
    select (select count(*)::int from old) as looked, (select count(*)::int from gone) as swept`,
  )
})

/** Deletes the oldest tombstones of a table with `deletes`, in one statement. */
export const sweep = async (
  sql: Sql,
  table: Table,
  { days, below, most }: Sweep,
): Promise<Swept> => {
  const [swept] = await sql<[Swept]>(sweepOf(table), days, most, below)
  return { looked: swept.looked, swept: swept.swept }
}
