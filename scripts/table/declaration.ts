/** A declaration as text, as `shared/tables.ts` has it. */
import type { Bounds, Column } from "../../shared/table/column.ts"
import { keyColumn, type Table } from "../../shared/table/table.ts"
import type { Entry } from "./derive.ts"

const boundsText = (bounds: Bounds) => {
  const all = Object.entries(bounds).map(([name, value]) => `${name}: ${value}`)
  return all.length === 0 ? "" : `{ ${all.join(", ")} }`
}

const columnText = ({ kind, bounds, isNullable }: Column) => {
  const text = `${kind}(${boundsText(bounds)})`
  return isNullable ? `nullable(${text})` : text
}

const entryLines = ({ name, column, note }: Entry): ReadonlyArray<string> => {
  if (column === null) return [`// ${name}: ${note}`]
  return [...(note ? [`// ${note}`] : []), `${name}: ${columnText(column)},`]
}

const indent = (lines: ReadonlyArray<string>, by: number) =>
  lines.map((line) => `${" ".repeat(by)}${line}`)

/** The entry of a table in `declareTables`; without entries of its own it has those of the declaration. */
export const declarationOf = (
  table: Table,
  entries: ReadonlyArray<Entry> = Object.entries(table.columns).map(([name, column]) => ({
    ...{ name, column, note: "" },
  })),
): string => {
  const key = keyColumn(table)
  const [, ...parts] = table.mode === "append" ? table.key : []
  const lines = [
    ...(key === null ? [] : [`key: "${key}",`]),
    "columns: {",
    ...indent(entries.flatMap(entryLines), 2),
    "},",
    ...(parts.length > 0 ? [`partitionedBy: ${JSON.stringify(parts).replaceAll(",", ", ")},`] : []),
    ...(table.deletes ? ["deletes: true,"] : []),
    ...(table.updatedAt ? ["updatedAt: true,"] : []),
  ]
  return [`${table.name}: ${table.mode}({`, ...indent(lines, 2), "}),"].join("\n")
}

/** What of the two modules the declaration needs: `nullable, text of ./table/column.ts, and upsert of …`. */
export const importsOf = ({ columns, mode }: Table): string => {
  const all = Object.values(columns)
  const kinds = new Set([
    ...(all.some(({ isNullable }) => isNullable) ? ["nullable"] : []),
    ...all.map(({ kind }) => kind),
  ])
  return `${[...kinds].sort().join(", ")} of ./table/column.ts and ${mode} of ./table/table.ts`
}
