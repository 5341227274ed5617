/** What a write is: a row for a table, or the deletion of one; how it is read from JSON, and its identity. */
import { Result, Schema } from "effect"
import { type Column, textFits } from "./table/column.ts"
import { keyColumn, type Row, type Table } from "./table/table.ts"

/** In bytes of UTF-8. PostgreSQL refuses index rows of about 2,700 bytes; 1,024 leaves room. */
export const KEY_MAX_BYTES = 1_024

/** Every character of a JSON string may be written as \u and four digits: six bytes of body for one of text. */
const JSON_ESCAPE_FACTOR = 6

/** The largest body a valid write can have, however it is escaped; the slack is for all else in it. */
export const bodyMaxBytes = (valueMaxBytes: number) =>
  JSON_ESCAPE_FACTOR * (valueMaxBytes + KEY_MAX_BYTES) + 1_024

export interface Write {
  readonly table: Table
  /** Of a deletion the key alone. */
  readonly row: Row
  readonly isDelete: boolean
}

/** One reason why something is not a write: a JSON pointer (RFC 6901) and words without the value. */
export const Flaw = Schema.Struct({ pointer: Schema.String, detail: Schema.String })

export type Flaw = typeof Flaw.Type

export type DecodeWrite = (input: unknown) => Result.Result<Write, ReadonlyArray<Flaw>>

/** A body may have thousands of members that are no columns. */
const FLAWS_MAX = 20
const NAME_MAX_LENGTH = 63

/** Names that no column can have are not repeated. */
const unknownMember = (name: string): Flaw =>
  name.length > NAME_MAX_LENGTH
    ? { pointer: "", detail: "has a member whose name is too long for a column" }
    : {
        pointer: `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`,
        detail: "is no column",
      }

/** Text that a path and an index take. URLs resolve dots away, also as %2e: no GET could name the row. */
const textKeyFlaw = (key: string): string | null => {
  if (key === "") return "is empty"
  if (key === "." || key === "..") return 'is "." or ".."'
  return textFits(key, KEY_MAX_BYTES) ? null : `is over ${KEY_MAX_BYTES} bytes of UTF-8`
}

/** VALUE_MAX_BYTES does not count for keys, which have a limit of their own. */
const keyFlaw = (column: Column, key: unknown): string | null =>
  column.flaw(key, Number.POSITIVE_INFINITY) ??
  (typeof key === "string" && column.kind === "text" ? textKeyFlaw(key) : null)

const tooMuch = (valueMaxBytes: number): Flaw => ({
  pointer: "",
  detail: `is over ${valueMaxBytes} bytes of UTF-8 in all`,
})

/**
 * Whether an object is a row as it stands: columns in their order, each in its one form, and no null. Most
 * are, and need no copy.
 */
const makeIsWhole = (table: Table, valueMaxBytes: number) => {
  const keyName = keyColumn(table)
  const names = Object.keys(table.columns)
  const columns = Object.values(table.columns)
  return (input: unknown): input is Row => {
    if (typeof input !== "object" || input === null) return false
    let index = 0
    for (const name in input) {
      while (names[index] !== name && columns[index]?.isNullable) index += 1
      const column = columns[index]
      if (column === undefined || names[index] !== name) return false
      const value = (input as Row)[name]
      const flaw = name === keyName ? keyFlaw(column, value) : column.flaw(value, valueMaxBytes)
      if (flaw !== null || value === null || column.normalize(value) !== value) return false
      index += 1
    }
    while (columns[index]?.isNullable) index += 1
    return index === columns.length
  }
}

/**
 * Makes the decoder of a table's rows, as clients send them. What it takes has each column's one form, in
 * the order of the declaration; a column that is null is left out.
 */
export const makeDecodeWrite = (table: Table, valueMaxBytes: number): DecodeWrite => {
  const columns = Object.entries(table.columns)
  const keyName = keyColumn(table)
  const counted = columns.filter(([name]) => name !== keyName)
  const isWhole = makeIsWhole(table, valueMaxBytes)
  const isCounted = counted.length > 1 && valueMaxBytes !== Number.POSITIVE_INFINITY
  const writeOf = (row: Row) => {
    if (isCounted) {
      let size = 0
      for (const [name, column] of counted) {
        if (Object.hasOwn(row, name)) size += column.size(row[name])
      }
      if (size > valueMaxBytes) return Result.fail([tooMuch(valueMaxBytes)])
    }
    return Result.succeed({ table, row, isDelete: false })
  }
  return (input) => {
    if (isWhole(input)) return writeOf(input)
    if (typeof input !== "object" || input === null || Array.isArray(input)) {
      return Result.fail([{ pointer: "", detail: "is not an object" }])
    }
    const members = input as Row
    const row: Record<string, unknown> = {}
    const flaws: Flaw[] = []
    let known = 0
    for (const [name, column] of columns) {
      if (!Object.hasOwn(members, name)) {
        if (!column.isNullable) flaws.push({ pointer: `/${name}`, detail: "is missing" })
        continue
      }
      known += 1
      const value = members[name]
      const detail = name === keyName ? keyFlaw(column, value) : column.flaw(value, valueMaxBytes)
      if (detail !== null) flaws.push({ pointer: `/${name}`, detail })
      else if (value !== null) row[name] = column.normalize(value)
    }
    const names = Object.keys(members)
    if (names.length > known) {
      const unknown = names.filter((name) => !Object.hasOwn(table.columns, name))
      flaws.push(...unknown.slice(0, FLAWS_MAX).map(unknownMember))
    }
    return flaws.length > 0 ? Result.fail(flaws) : writeOf(row)
  }
}

/** The key of a row as JSON or a decoded path has it; null when no row of the table can have it. */
export const parseKey = (table: Table, given: unknown): unknown => {
  const name = keyColumn(table)
  const column = table.columns[name ?? ""]
  if (column === undefined || keyFlaw(column, given) !== null) return null
  return column.normalize(given)
}

/** The deletion of the row with this key, as JSON or a path has it; null when the key is none. */
export const deletionOf = (table: Table, given: unknown): Write | null => {
  const key = parseKey(table, given)
  return key === null ? null : { table, row: { [keyColumn(table) ?? ""]: key }, isDelete: true }
}

/** What makes two writes of a table writes of the same row; null where each write is a row of its own. */
export const identity = ({ table, row }: Write): string | null => {
  const name = keyColumn(table)
  return name === null ? null : String(row[name])
}
