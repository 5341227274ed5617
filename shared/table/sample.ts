/** Valid rows of any table, for tests and bench: they follow from the declaration. */
import type { Write } from "../write.ts"
import { keyColumn, type Row, type Table } from "./table.ts"

/** Of what a sample's values have, unless a caller says otherwise. */
const VALUE_BYTES = 100

/** Another row for each number, with all its columns; text and JSON have about `bytes` each. */
export const sampleRow = (table: Table, number: number, bytes = VALUE_BYTES): Row => {
  const key = keyColumn(table)
  return Object.fromEntries(
    Object.entries(table.columns).map(([name, column]) => [
      name,
      column.sample(number, name === key ? 0 : bytes),
    ]),
  )
}

/** A write of a row; where rows have a key, of this one if it is given. */
export const sampleWrite = (table: Table, number: number, key?: string, bytes?: number): Write => {
  const name = keyColumn(table)
  const row = sampleRow(table, number, bytes)
  const isNamed = name !== null && key !== undefined
  return { table, row: isNamed ? { ...row, [name]: key } : row, isDelete: false }
}
