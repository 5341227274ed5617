/**
 * The check of a real table: what it lacks of what is declared, each in a line with the SQL that mends it.
 * What nobody declared may be there: columns with defaults, triggers, partitions, foreign keys. What it lets
 * pass a write may still meet, a policy or a constraint; what it finds would refuse all writes, or change some.
 */
import type { Sql } from "../postgres/postgres.ts"
import { type FoundColumn, type FoundTable, type Right, selectCatalog } from "./catalog.ts"
import { createTable, typeOf } from "./create.ts"
import { misfit } from "./fit.ts"
import * as repair from "./repair.ts"
import { filled } from "./statement.ts"
import { keyColumn, type Table } from "./table.ts"

export interface Finding {
  /** What is not as declared: words with names of tables, columns, types and roles, and never a value. */
  readonly sentence: string
  /** Statements with semicolons between them; empty where the table or its declaration has to be another one. */
  readonly sql: string
}

/** Who asks: a worker, a reader, or the owner, who needs no rights and writes the migration. */
export type Purpose = "write" | "read" | "migrate"

interface Case {
  readonly table: Table
  readonly found: FoundTable
  readonly purpose: Purpose
}

type Check = (one: Case) => ReadonlyArray<Finding>

const columnOf = ({ columns }: FoundTable, name: string) =>
  columns.find((column) => column.name === name)

/** All columns that a write names. */
const namesOf = (table: Table) => [
  ...Object.keys(table.columns),
  ...filled(table).map(([name]) => name),
]

const KINDS: Readonly<Record<string, string>> = {
  v: "a view",
  m: "a materialized view",
  f: "a foreign table",
  i: "an index",
  I: "an index",
  S: "a sequence",
  c: "a type",
}

/** Whether there is a relation at all that can be read, or written to. */
const checkRelation: Check = ({ table, found, purpose }) => {
  const { kind, role, forbidden, elsewhere } = found
  const missing = "the table is missing (SQLSTATE 42P01)"
  if (kind === null && forbidden !== null) {
    const sentence = `${missing}, or the role ${role} may not use the schema ${forbidden}`
    return [{ sentence, sql: `grant usage on schema ${forbidden} to ${role}` }]
  }
  if (kind === null) {
    const other = elsewhere && `; schema=${elsewhere} in DATABASE_URL would find one`
    return [{ sentence: `${missing}${other ?? ""}`, sql: createTable(table) }]
  }
  const isFit = (purpose === "read" ? /^[rpvmf]$/ : /^[rp]$/).test(kind)
  return isFit ? [] : [{ sentence: `it is ${KINDS[kind] ?? "no table"}, not a table`, sql: "" }]
}

/** Nothing but a column that is missing keeps anybody from reading. */
const checkColumns: Check = ({ table, found, purpose }) =>
  Object.entries(table.columns).flatMap(([name, column]): ReadonlyArray<Finding> => {
    const stored = columnOf(found, name)
    if (stored === undefined) {
      const sentence = `the column ${name} is missing (SQLSTATE 42703)`
      return [{ sentence, sql: repair.addColumn(table, name) }]
    }
    const sentence = misfit(column, stored, name === keyColumn(table))
    if (sentence === null || purpose === "read") return []
    const type = stored.isRounded && column.kind === "number" ? "numeric" : typeOf(table, name)
    return [{ sentence, sql: repair.changeType(table, stored, type) }]
  })

const checkVersion: Check = ({ table, found, purpose }) => {
  const stored = columnOf(found, "version")
  if (stored === undefined) {
    const sentence = "the column version is missing (SQLSTATE 42703)"
    return [{ sentence, sql: repair.addVersion(table) }]
  }
  if (purpose === "read") return []
  if (stored.type !== "int8") {
    const sentence = `the column version is ${stored.shown}, not bigint`
    return [{ sentence, sql: repair.changeType(table, stored, "bigint") }]
  }
  // A row without one would never be written again. Of appended rows no write meets another.
  return table.mode === "upsert" && !stored.isRequired
    ? [{ sentence: "the column version may be null", sql: repair.requireVersion(table) }]
    : []
}

/** What is declared required and required in the table: a tombstone will not have it. */
const requiredOf = ({ table, found }: Case) =>
  Object.entries(table.columns)
    .filter(([name, { isNullable }]) => name !== keyColumn(table) && !isNullable)
    .map(([name]) => name)
    .filter((name) => columnOf(found, name)?.isRequired)

const checkMoments: Check = (one) => {
  const { table, found } = one
  const add = {
    deleted_at: () => repair.addDeletedAt(table, requiredOf(one)),
    updated_at: () => repair.addUpdatedAt(table),
  }
  const names = [
    ...(table.deletes ? (["deleted_at"] as const) : []),
    ...(table.updatedAt ? (["updated_at"] as const) : []),
  ]
  return names.flatMap((name): ReadonlyArray<Finding> => {
    const stored = columnOf(found, name)
    if (stored === undefined) {
      return [{ sentence: `the column ${name} is missing (SQLSTATE 42703)`, sql: add[name]() }]
    }
    if (stored.type === "timestamptz" || one.purpose === "read") return []
    const sentence = `the column ${name} is ${stored.shown}, not timestamptz`
    return [{ sentence, sql: repair.changeType(table, stored, "timestamptz") }]
  })
}

/** Why a column may have to be null; null when no write would make it so. */
const reasonForNull = (table: Table, name: string): string | null => {
  if (table.columns[name]?.isNullable) return "which is declared nullable"
  const isOpen = table.deletes && name !== keyColumn(table)
  if (isOpen && name === "deleted_at") return "which rows have that are not deleted"
  return isOpen && table.columns[name] ? "which a deleted row does not have" : null
}

const checkNullable: Check = ({ table, found }) =>
  found.columns.flatMap((stored): ReadonlyArray<Finding> => {
    const reason = reasonForNull(table, stored.name)
    if (reason === null || !stored.isRequired) return []
    const type = table.columns[stored.name]?.sql ?? "timestamptz"
    const sentence = `the column ${stored.name} must not be null, ${reason}`
    return [{ sentence, sql: repair.allowNull(table, stored, type) }]
  })

const checkWritable: Check = ({ table, found }) => {
  const names = new Set(namesOf(table))
  return found.columns.flatMap((stored): ReadonlyArray<Finding> => {
    const { name, generated, identity } = stored
    if (!names.has(name)) return checkUnnamed(table, found, stored)
    if (generated === "" && identity !== "a") return []
    const type = table.columns[name] ? typeOf(table, name) : stored.shown
    const sentence = `the column ${name} is generated always, and takes no value`
    return [{ sentence, sql: repair.makeWritable(table, stored, type) }]
  })
}

/** A column that no write names; a trigger may fill it. */
const checkUnnamed = (table: Table, found: FoundTable, stored: FoundColumn): Finding[] => {
  const { name, isRequired, isFilled } = stored
  if (!isRequired || isFilled || found.hasTrigger) return []
  const isOfKey = found.primaryKey?.includes(name) ?? false
  const sentence = `the column ${name} is not declared, must not be null and has no default`
  return [{ sentence, sql: repair.fill(table, stored, isOfKey) }]
}

const isSame = (one: ReadonlyArray<string>, other: ReadonlyArray<string>) =>
  one.length === other.length && one.every((name) => other.includes(name))

const checkDeferrable: Check = ({ table, found }) =>
  found.deferrable
    .filter(({ columns }) => isSame(columns, table.key))
    .map((one) => ({
      sentence: `the constraint ${one.name} is deferrable, and no key for writes`,
      sql: repair.undefer(table, one),
    }))

const checkKey: Check = ({ table, found }) => {
  const { deferrable, primaryKey } = found
  // It is made anew as one that is not.
  if (deferrable.some(({ isPrimary }) => isPrimary) && isSame(primaryKey ?? [], table.key))
    return []
  if (found.keys.some((key) => isSame(key, table.key))) return []
  const parts = found.partitionedBy ?? []
  if (parts.every((part) => part !== null && table.key.includes(part))) {
    const sentence = `no unique index is on (${table.key.join(", ")}) alone, whole, and checked at once`
    return [{ sentence, sql: repair.addKey(table, found) }]
  }
  const by = parts.map((part) => part ?? "an expression").join(", ")
  const isDeclarable = table.mode === "append" && !parts.includes(null)
  const advice = isDeclarable
    ? `declare partitionedBy: ${JSON.stringify(parts)}`
    : `it has to be by ${table.key.join(", ")}`
  return [{ sentence: `it is partitioned by ${by}: ${advice}`, sql: "" }]
}

const checkRights: Check = ({ table, found, purpose }) => {
  const names = namesOf(table)
  const needed: ReadonlyArray<readonly [Right, ReadonlyArray<string>]> =
    purpose === "read"
      ? [["select", names]]
      : [
          ["select", names],
          ["insert", names],
          ["update", table.mode === "append" ? [] : names.filter((n) => n !== keyColumn(table))],
        ]
  const lacking = needed
    .filter(([right, of]) => of.some((name) => columnOf(found, name)?.rights[right] === false))
    .map(([right]) => right)
  if (lacking.length === 0) return []
  const sentence = `the role ${found.role} lacks the right to ${lacking.join(", ")} (SQLSTATE 42501)`
  return [{ sentence, sql: repair.grant(table, lacking, found.role) }]
}

/** In the order in which the SQL can be run. */
const STRUCTURE: ReadonlyArray<Check> = [
  ...[checkColumns, checkVersion, checkMoments, checkNullable, checkWritable],
  ...[checkDeferrable, checkKey],
]

const CHECKS: Readonly<Record<Purpose, ReadonlyArray<Check>>> = {
  read: [checkColumns, checkVersion, checkMoments, checkRights],
  migrate: STRUCTURE,
  write: [...STRUCTURE, checkRights],
}

/** What a table lacks, the first to mend first; empty when nothing is. */
export const compare: Check = (one) => {
  const found = checkRelation(one)
  return found.length > 0 ? found : CHECKS[one.purpose].flatMap((check) => check(one))
}

/** The findings of each of these tables, in their order. */
export const checkTables = async (
  sql: Sql,
  tables: ReadonlyArray<Table>,
  purpose: Purpose,
): Promise<ReadonlyArray<ReadonlyArray<Finding>>> => {
  const catalog = await selectCatalog(
    sql,
    tables.map(({ name }) => name),
  )
  return catalog.map((found, index) => compare({ table: tables[index] as Table, found, purpose }))
}
