/**
 * Tables as PostgreSQL has them: what its catalog says of the relations that the search path finds under these
 * names. Locks nothing and waits for no lock, so that it can be asked of a table that others have locked.
 */
import type { Sql } from "../postgres/postgres.ts"
import { arrayOf, template } from "./statement.ts"

/** What a role may do with a column. */
export type Right = "select" | "insert" | "update"

export interface FoundColumn {
  readonly name: string
  /** The type as pg_type names it (`int8`, `varchar`), of a domain that of its base. */
  readonly type: string
  /** The type as people write it: `character varying(50)`. */
  readonly shown: string
  /** Of a varchar the most characters that it takes. */
  readonly length: number | null
  /** A numeric that rounds. */
  readonly isRounded: boolean
  readonly isRequired: boolean
  /** It is a domain's rule that it is not null. */
  readonly isRequiredByType: boolean
  /** A write may leave it out: there is a default, an identity, or an expression. */
  readonly isFilled: boolean
  /** Of a column that is computed: `s` stored, `v` virtual. */
  readonly generated: "" | "s" | "v"
  /** Of a column that numbers its rows: `a` always, `d` by default. */
  readonly identity: "" | "a" | "d"
  /** Different texts are different values: no collation says otherwise. */
  readonly isExact: boolean
  readonly rights: Readonly<Record<Right, boolean>>
}

/** A unique constraint that is checked at the end of a transaction: `on conflict` fails for its columns. */
export interface Deferrable {
  readonly name: string
  readonly isPrimary: boolean
  readonly columns: ReadonlyArray<string>
}

export interface FoundTable {
  readonly name: string
  /** relkind; null when there is no relation of the name. */
  readonly kind: string | null
  /** Who asks, quoted where it has to be. */
  readonly role: string
  readonly columns: ReadonlyArray<FoundColumn>
  /** Keys that `on conflict` can name: whole, valid, of columns alone, checked at once. The primary one first. */
  readonly keys: ReadonlyArray<ReadonlyArray<string>>
  readonly deferrable: ReadonlyArray<Deferrable>
  readonly primaryKey: ReadonlyArray<string> | null
  /** Null when it is not partitioned; an expression is null. */
  readonly partitionedBy: ReadonlyArray<string | null> | null
  /** A trigger sees rows before they are inserted, and may fill what they lack. */
  readonly hasTrigger: boolean
  /** The columns of the check that a row is deleted or whole. */
  readonly wholes: ReadonlyArray<string>
  /** A schema of the search path with a table of this name, which the role may not use. */
  readonly forbidden: string | null
  /** A schema outside the search path with a table of this name. */
  readonly elsewhere: string | null
}

/** Ends the name of the constraint by which a row is deleted or has all that is declared required. */
export const WHOLE = "_deleted_or_whole"

/** Of a domain its innermost type, whose modifier is the domain's, and what any of its domains rules. */
const TYPE = `
  with recursive types (depth, type, modifier) as (
    select 0, atttypid, atttypmod
    union all
    select depth + 1, typbasetype, typtypmod from types join pg_type on oid = type where typtype = 'd'
  )
  select (array_agg(typname order by depth desc))[1] as name,
    (array_agg(modifier order by depth desc))[1] as modifier,
    bool_or(typnotnull) as "isRequired", bool_or(typdefault is not null) as "hasDefault"
  from types join pg_type on oid = type`

const COLUMNS = `
  select coalesce(json_agg(json_build_object(
    'name', attname, 'type', type.name, 'shown', format_type(atttypid, atttypmod),
    'length', case when type.name = 'varchar' and modifier > 4 then modifier - 4 end,
    'isRounded', type.name = 'numeric' and modifier >= 0,
    'isRequired', attnotnull or "isRequired", 'isRequiredByType', "isRequired",
    'isFilled', atthasdef or attidentity <> '' or "hasDefault",
    'generated', attgenerated, 'identity', attidentity,
    'isExact', coalesce(collisdeterministic, true),
    'rights', (
      select json_object_agg(name, has_column_privilege(attrelid, attnum, name))
      from unnest('{select,insert,update}'::text[]) as name
    )
  ) order by attnum), '[]')
  from pg_attribute
  left join pg_collation on pg_collation.oid = attcollation
  cross join lateral (${TYPE}) as type
  where attrelid = found.oid and attnum > 0 and not attisdropped`

/** The names of numbered columns, in their order; an expression is null. */
const namesOf = (numbers: string, count = "null") => `
  select json_agg(attname order by place)
  from unnest(${numbers}::int2[]) with ordinality as part (number, place)
  left join pg_attribute on attrelid = found.oid and attnum = number and number <> 0
  where place <= coalesce(${count}, place)`

const KEYS = `
  select coalesce(json_agg((${namesOf("indkey", "indnkeyatts")}) order by not indisprimary), '[]')
  from pg_index
  where indrelid = found.oid and indisunique and indimmediate and indisvalid
    and not indisexclusion and indpred is null and indexprs is null`

const DEFERRABLE = `
  select coalesce(json_agg(json_build_object(
    'name', quote_ident(relname), 'isPrimary', indisprimary, 'columns', (${namesOf("indkey", "indnkeyatts")})
  ) order by relname), '[]')
  from pg_index join pg_class on pg_class.oid = indexrelid
  where indrelid = found.oid and indisunique and not indimmediate`

const PRIMARY_KEY = `
  select (${namesOf("indkey", "indnkeyatts")})
  from pg_index where indrelid = found.oid and indisprimary`

/** Of a row, before, insert; enabled but for replicas. */
const HAS_TRIGGER = `
  exists (
    select from pg_trigger
    where tgrelid = found.oid and not tgisinternal and tgenabled in ('O', 'A') and tgtype & 7 = 7
  )`

const WHOLES = `
  select coalesce(json_agg(attname), '[]')
  from pg_constraint
  join pg_attribute on attrelid = conrelid and attnum = any(conkey)
  where conrelid = found.oid and contype = 'c' and conname like '%${WHOLE.replaceAll("_", "\\_")}'`

/** Another table of the name, whose schema is on the search path, but not for this role; or is not on it. */
const another = (isForbidden: boolean) => `
  select quote_ident(nspname) from pg_class
  join pg_namespace on pg_namespace.oid = relnamespace
  where found.oid is null and relname = declared.name and relkind in ('r', 'p')
    and has_schema_privilege(relnamespace, 'usage') is ${!isForbidden}
    ${isForbidden ? "and quote_ident(nspname) = any(regexp_split_to_array(current_setting('search_path'), '\\s*,\\s*'))" : ""}
  order by nspname limit 1`

const QUERY = template(
  `select json_build_object(
    'name', declared.name, 'kind', found.relkind, 'role', quote_ident(current_user),
    'columns', (${COLUMNS}), 'keys', (${KEYS}), 'deferrable', (${DEFERRABLE}),
    'primaryKey', (${PRIMARY_KEY}),
    'partitionedBy', (
      select (${namesOf("partattrs")}) from pg_partitioned_table where partrelid = found.oid
    ),
    'hasTrigger', ${HAS_TRIGGER}, 'wholes', (${WHOLES}),
    'forbidden', (${another(true)}), 'elsewhere', (${another(false)})
  )::text as found
  from unnest(`,
  `::text[]) with ordinality as declared (name, number)
  left join pg_class as found on found.oid = to_regclass(quote_ident(declared.name))
  order by number`,
)

/** What there is under each of these names, in their order. */
export const selectCatalog = async (
  sql: Sql,
  names: ReadonlyArray<string>,
): Promise<ReadonlyArray<FoundTable>> => {
  const rows = await sql<Array<{ found: string }>>(QUERY, arrayOf(names))
  return rows.map(({ found }) => JSON.parse(found) as FoundTable)
}
