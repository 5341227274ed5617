/**
 * What a table is: its columns, its key and its mode, as `shared/tables.ts` declares them. Beside the
 * declared columns a table has some that the buffer fills: `version` always, `deleted_at` and `updated_at`
 * where they are declared.
 */
import { Schema } from "effect"
import type { Column } from "./column.ts"

export type Columns = Readonly<Record<string, Column>>

/** A row, its columns in the order of the declaration; one that may be null can be left out. */
export type Row = Readonly<Record<string, unknown>>

/** What a client sends for a row of these columns. */
export type RowOf<C extends Columns> = {
  readonly [N in keyof C as null extends ColumnType<C[N]> ? never : N]: ColumnType<C[N]>
} & {
  readonly [N in keyof C as null extends ColumnType<C[N]> ? N : never]?: ColumnType<C[N]>
}

type ColumnType<C> = C extends Column<infer A> ? A : never

type Mode = "upsert" | "append"

/** Its type says as much as the client's calls are held to. */
interface Declaration<
  C extends Columns = Columns,
  M extends Mode = Mode,
  D extends boolean = boolean,
> {
  readonly columns: C
  /** `upsert`: a row for each key, the newest version wins. `append`: a row for each write. */
  readonly mode: M
  /** The columns of the primary key. */
  readonly key: ReadonlyArray<string>
  /** Rows can be deleted: each leaves a tombstone in `deleted_at`, whose other columns are null. */
  readonly deletes: D
  /** `updated_at` holds when the row was last written. */
  readonly updatedAt: boolean
}

export interface Table<
  C extends Columns = Columns,
  M extends Mode = Mode,
  D extends boolean = boolean,
> extends Declaration<C, M, D> {
  readonly name: string
}

/** The column that names a row to clients; null in a table of appended rows, which their version names. */
export const keyColumn = ({ mode, key }: Table): string | null =>
  mode === "upsert" ? (key[0] ?? null) : null

/**
 * A row for each key; a write replaces the row. The key is text, an integer or a UUID. `const`: among other
 * declarations the compiler would take `deletes` for any boolean.
 */
export const upsert = <C extends Columns, const D extends boolean = false>(declared: {
  readonly key: keyof C & string
  readonly columns: C
  readonly deletes?: D
  readonly updatedAt?: boolean
}): Declaration<C, "upsert", D> => ({
  ...{ mode: "upsert", key: [declared.key], columns: declared.columns },
  deletes: declared.deletes ?? (false as D),
  updatedAt: declared.updatedAt ?? false,
})

/**
 * A row for each write, also of an equal one. The version is the primary key, so that a write that is
 * delivered twice is one row; a partitioned table needs the columns that divide it beside it.
 */
export const append = <C extends Columns>(declared: {
  readonly columns: C
  readonly partitionedBy?: ReadonlyArray<keyof C & string>
}): Declaration<C, "append", false> => ({
  ...{ mode: "append", columns: declared.columns, deletes: false, updatedAt: false },
  key: ["version", ...(declared.partitionedBy ?? [])],
})

/** Letters, digits and underscores, so that a name stands in a path and in a message as it is. */
export const NAME = /^[A-Za-z_]\w{0,62}$/

/** What the buffer fills, and the one member of a reader's answer that is no column. */
const RESERVED = new Set(["version", "deleted_at", "updated_at", "success", "__proto__"])

/** What an item that carries its trace has for a table: the name of none. */
export const TRACED = "_traced"

const KEY_KINDS = new Set(["text", "integer", "uuid"])

/** Whether a table can have a column of this name, be it of a newer build. */
export const isColumnName = (name: string) => NAME.test(name) && !RESERVED.has(name)

/** What is wrong with a declaration; its author reads it when anything starts. */
const mistakes = (name: string, { mode, key, columns }: Declaration): ReadonlyArray<string> => {
  const names = [name, ...Object.keys(columns)]
  const of = (column: string) => columns[column]
  const found = [
    ...(name === TRACED ? [`${name} is no table, but a write that is traced`] : []),
    ...names.filter((each) => !NAME.test(each)).map((each) => `"${each}" is no name`),
    ...Object.keys(columns)
      .filter((column) => RESERVED.has(column))
      .map((column) => `${column} is filled by the buffer, or stands for something else`),
    ...key
      .filter((column) => of(column)?.isNullable)
      .map((column) => `the key ${column} must not be nullable`),
  ]
  const kind = of(key[0] ?? "")?.kind ?? ""
  if (mode === "upsert" && !KEY_KINDS.has(kind)) found.push(`no key can be of kind ${kind}`)
  return found.map((mistake) => `shared/tables.ts: ${name}: ${mistake}`)
}

type Named<T> = {
  readonly [N in keyof T]: T[N] extends Declaration<infer C, infer M, infer D>
    ? Table<C, M, D>
    : never
}

/** @throws with a line for each mistake. */
export const declareTables = <D extends Readonly<Record<string, Declaration>>>(
  declared: D,
): Named<D> => {
  const entries = Object.entries(declared)
  const wrong = entries.flatMap(([name, declaration]) => mistakes(name, declaration))
  if (wrong.length > 0) throw new Error(wrong.join("\n"))
  return Object.fromEntries(
    entries.map(([name, declaration]) => [name, { name, ...declaration }]),
  ) as Named<D>
}

/** The schema of a row as a client sends it. */
export const rowSchema = <C extends Columns>({ columns }: Table<C>) =>
  Schema.Struct(
    Object.fromEntries(
      Object.entries(columns).map(([name, { schema, isNullable }]) => [
        name,
        isNullable ? Schema.optionalKey(schema) : schema,
      ]),
    ),
  )

/** A row as a reader answers it. */
export type StoredRow = Row & { readonly version: number }

/** The schema of a row as a reader answers it. */
export const storedRowSchema = ({ columns, updatedAt }: Table) =>
  Schema.Struct({
    ...Object.fromEntries(Object.entries(columns).map(([name, { schema }]) => [name, schema])),
    version: Schema.Int,
    ...(updatedAt && { updated_at: Schema.String }),
  })
