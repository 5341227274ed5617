/** Writes as tests make them, and the records of them that a statement takes. */
import { DEFAULT_TABLE, makeItem } from "../item.ts"
import type { Table } from "../table/table.ts"
import type { Write } from "../write.ts"

/** A write of the table of POST /write. */
export const keyValue = (key: string, value = "v"): Write => rowOf(DEFAULT_TABLE, { key, value })

export const rowOf = (table: Table, row: Write["row"]): Write => ({ table, row, isDelete: false })

/** The record of such a write, as a statement takes it. */
export const recordOf = (version: number, key: string, value?: string): string =>
  makeItem(version, keyValue(key, value)).record
