/** The reader without a database: what would be read is remembered. */
import { CONTRACT } from "../../../shared/contract.ts"
import { DEFAULT_TABLE } from "../../../shared/item.ts"
import type { StoredRow, Table } from "../../../shared/table/table.ts"
import { asking } from "../../testing/app.ts"
import { type Dependencies, makeApp } from "../app.ts"

export const VALUE = { value: "John Doe", updated_at: "2026-11-22T10:00:00.000Z" }

export const EVENT = { type: "click", payload: { x: [1] }, at: "2026-11-25T10:00:00.000Z" }

const rowOf = (table: Table, key: string): StoredRow =>
  table === DEFAULT_TABLE ? { key, version: 17, ...VALUE } : { ...EVENT, version: Number(key) }

/** An app whose database has a row for every key but those that are missing, and remembers what it was asked. */
export const setUp = (options: Partial<Dependencies> & { missing?: string[] } = {}) => {
  const { missing = [], ...dependencies } = options
  const asked: Array<readonly [table: string, ...keys: string[]]> = []
  const reported: unknown[] = []
  const app = makeApp({
    read: async (table, keys) => {
      asked.push([table.name, ...keys])
      const found = keys.filter((key) => !missing.includes(key))
      const rows = found.map((key) => rowOf(table, key))
      return new Map(rows.map((row, index) => [found[index] ?? "", { version: row.version, row }]))
    },
    databaseTrouble: async () => null,
    tableTrouble: async () => null,
    report: (error) => reported.push(error),
    ...dependencies,
  })
  const ask = asking(app, CONTRACT.reader)
  const send = (path: string, method = "GET") => ask(path, { method })
  return { send, asked, reported }
}
