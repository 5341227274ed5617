/** Writes as tests make them, and the items of them. */
import { DEFAULT_TABLE, type Item, makeItem } from "../item.ts"
import type { Table } from "../table/table.ts"
import type { Write } from "../write.ts"

/** A write of the table of POST /write. */
export const keyValue = (key: string, value = "v"): Write => rowOf(DEFAULT_TABLE, { key, value })

export const rowOf = (table: Table, row: Write["row"]): Write => ({ table, row, isDelete: false })

/** The item of such a write. */
export const itemOf = (version: number, key: string, value?: string): Item =>
  makeItem(version, keyValue(key, value))
