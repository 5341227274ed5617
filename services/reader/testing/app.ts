/** The reader without a database: what would be read is remembered. */
import { CONTRACT } from "../../../shared/contract.ts"
import { DEFAULT_TABLE } from "../../../shared/item.ts"
import type { Found } from "../../../shared/table/select.ts"
import type { Table } from "../../../shared/table/table.ts"
import { asking } from "../../testing/app.ts"
import { type Dependencies, makeApp } from "../app.ts"
import type { Read } from "../group.ts"
import { makeReach } from "../version.ts"

export const VALUE = { value: "John Doe", updated_at: "2026-11-22T10:00:00.000Z" }

export const EVENT = { type: "click", payload: { x: [1] }, at: "2026-11-25T10:00:00.000Z" }

/** What there is under a key. */
const foundOf = (table: Table, key: string): Found => {
  const version = table === DEFAULT_TABLE ? 17 : Number(key)
  const row = table === DEFAULT_TABLE ? { key, version, ...VALUE } : { ...EVENT, version }
  return { version, row }
}

/** An app whose database has a row for every key but those that are missing, and remembers what it was asked. */
export const setUp = (options: Partial<Dependencies> & { missing?: string[] } = {}) => {
  const { missing = [], ...dependencies } = options
  const asked: Array<readonly [table: string, ...keys: string[]]> = []
  const reported: unknown[] = []
  const read: Read = async (table, keys) => {
    asked.push([table.name, ...keys])
    const there = keys.filter((key) => !missing.includes(key))
    return new Map(there.map((key) => [key, foundOf(table, key)]))
  }
  const { reach, end } = makeReach(dependencies.read ?? read)
  const app = makeApp({
    ...{ read, reach },
    databaseTrouble: async () => null,
    tableTrouble: async () => null,
    report: (error) => reported.push(error),
    ...dependencies,
  })
  const ask = asking(app, CONTRACT.reader)
  const send = (path: string, method = "GET", init: RequestInit = {}) =>
    ask(path, { method, ...init })
  return { app, ask, send, asked, reported, end }
}
