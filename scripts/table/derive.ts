/**
 * The declaration of a table that PostgreSQL has: its mode by its primary key, its columns by their types. What
 * no kind fits is left out, with a note that says what becomes of it.
 */
import type { FoundColumn, FoundTable } from "../../shared/table/catalog.ts"
import {
  type Bounds,
  boolean,
  type Column,
  integer,
  json,
  nullable,
  number,
  text,
  timestamp,
  uuid,
} from "../../shared/table/column.ts"
import { boundsOf, kindOf } from "../../shared/table/fit.ts"
import {
  append,
  declareTables,
  isColumnName,
  type Table,
  upsert,
} from "../../shared/table/table.ts"
import { TableError } from "./command.ts"

/** A column of the table, in its place; null when it is not declared. */
export interface Entry {
  readonly name: string
  readonly column: Column | null
  /** What its author should know; empty when nothing. */
  readonly note: string
}

export interface Derived {
  readonly table: Table
  readonly entries: ReadonlyArray<Entry>
}

const KINDS: Readonly<Record<string, (bounds: Bounds) => Column<never>>> = {
  ...{ text, integer, number, boolean, timestamp, json, uuid },
} as never

/** The columns that the buffer fills, as a declaration asks for them. */
const FILLED: Readonly<Record<string, string>> = {
  version: "",
  deleted_at:
    "deletes: true fills it, as timestamptz, once all columns but the key may be null in PostgreSQL",
  updated_at: "updatedAt: true fills it, as timestamptz",
}

/** The key of upserts, or null where each write is a row. */
const keyOf = ({ name, primaryKey, keys }: FoundTable): string | null => {
  if (primaryKey?.includes("version")) return null
  const [key] = primaryKey?.length === 1 ? primaryKey : (keys.find((all) => all.length === 1) ?? [])
  // A table without a key of its own has a row for each write.
  if (key === undefined && primaryKey === null) return null
  if (key !== undefined && key !== "version") return key
  throw new TableError(
    `${name} has a primary key of several columns, (${primaryKey?.join(", ")}): upserts need a key ` +
      "of one column, or a unique index on one",
  )
}

/** Why a column cannot be declared; null when it can. */
const obstacle = (found: FoundColumn, isKey: boolean): string | null => {
  const { name, shown, generated, identity } = found
  if (Object.hasOwn(FILLED, name)) return FILLED[name] ?? ""
  if (!isColumnName(name)) return "the name is none here"
  if (kindOf(found) === null) return `${shown} fits no kind`
  return !isKey && (generated !== "" || identity === "a") ? "PostgreSQL generates it" : null
}

const fate = (found: FoundTable, { isRequired, isFilled }: FoundColumn) =>
  isRequired && !isFilled && !found.hasTrigger
    ? "it stops the table: it must not be null and has no default"
    : `left out, it ${isFilled || found.hasTrigger ? "stays as PostgreSQL fills it" : "stays null"}`

const entryOf = (found: FoundTable, one: FoundColumn, isKey: boolean, isWhole: boolean): Entry => {
  const { name, isRequired, isFilled } = one
  const why = obstacle(one, isKey)
  if (why !== null) return { name, column: null, note: `${why}; ${fate(found, one)}` }
  const column = KINDS[kindOf(one) ?? ""]?.(boundsOf(one)) as Column
  const isOpen = !isRequired && !isKey && !isWhole
  const note = isFilled
    ? isKey
      ? "has a default; where each write is a row of its own, declare append without this column"
      : "has a default, which stays if this line goes"
    : ""
  return { name, column: isOpen ? nullable(column) : column, note }
}

const isMoment = (found: FoundTable, name: string) =>
  found.columns.some((one) => one.name === name && one.type === "timestamptz" && !one.generated)

/** @throws {TableError} when no declaration fits. */
export const derive = (found: FoundTable): Derived => {
  const { name, primaryKey } = found
  const key = keyOf(found)
  const all = found.columns.map((one) => ({
    one,
    entry: entryOf(found, one, one.name === key, found.wholes.includes(one.name)),
  }))
  const isOpen = all.every(({ one, entry }) => !entry.column || one.name === key || !one.isRequired)
  const deletes = key !== null && isOpen && isMoment(found, "deleted_at")
  const updatedAt = key !== null && isMoment(found, "updated_at")
  const isAsked = (column: string) =>
    column === "version" ||
    (column === "deleted_at" ? deletes : column === "updated_at" && updatedAt)
  const entries = all.map(({ entry }) => entry).filter((entry) => !isAsked(entry.name))
  const columns: Readonly<Record<string, Column>> = Object.fromEntries(
    entries.flatMap(({ name, column }) => (column ? [[name, column]] : [])),
  )
  const partitionedBy = (primaryKey ?? []).filter((column) => column !== "version")
  if (key !== null && !columns[key]) {
    throw new TableError(`${name}: no kind fits its key ${key}: it is text, an integer or a UUID`)
  }
  const declaration =
    key === null
      ? append({ columns, ...(primaryKey && partitionedBy.length > 0 && { partitionedBy }) })
      : upsert({ key, columns, deletes, updatedAt })
  try {
    const { [name]: table } = declareTables({ [name]: declaration })
    return { table: table as Table, entries }
  } catch (error) {
    throw new TableError((error as Error).message.replace("shared/tables.ts: ", ""))
  }
}
