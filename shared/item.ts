/**
 * An item: a write with its version, as the queue has it; what is none, and the dead letter that either
 * becomes when PostgreSQL can never store it. All of them are JSON text in Redis.
 *
 * The table `key_values` has the form {"version":…,"key":…,"value":…}, and what others push onto the list is
 * the same without the version. Other tables have {"version":…,"table":…,"row":{…}}, and a deletion, of any
 * table, has {"version":…,"table":…,"delete":…} with the key. A write that is part of a trace has all its members
 * within: {"version":…,"table":"_traced","row":{"trace":"00-…-01",…}}. To a build that knows no traces it is of a
 * table that only a newer one knows, whatever it writes, and no column is taken for a trace.
 */
import { Result } from "effect"
import { type Members, showRow, type Waiting } from "./shown.ts"
import { isColumnName, keyColumn, NAME, type Row, type Table, TRACED } from "./table/table.ts"
import { TABLES } from "./tables.ts"
import { CARRIED } from "./tracing/context.ts"
import { deletionOf, type Flaw, makeDecodeWrite, type Write } from "./write.ts"

/** The table of an item that names none. */
export const DEFAULT_TABLE: Table = TABLES.key_values

/** A write as it waits in the queue. */
export interface Item {
  readonly version: number
  readonly write: Write
  /** The `traceparent` of the span that accepted it. */
  readonly trace?: string
}

/** An item that is no write: somebody else's push onto the list. It ends in the dead letters. */
export interface Unreadable {
  readonly version: number
  readonly text: string
  readonly reason: string
}

/**
 * A write that some ingest accepted, with a table or a column that this process does not know: it is of a
 * newer build. It is set aside, in the lot of what it needs, for a worker that knows it.
 */
export interface Unknown {
  readonly version: number
  /** A table, or a table and a column with a dot between them. */
  readonly lot: string
}

/** As it stands in Redis. What was no write has no table, no key, and its text for a value. */
interface StoredLetter extends Members {
  readonly version: number
  readonly reason: string
  readonly sqlstate: string | null
  readonly at: string
}

/** The members of an item but the version: those of `key_values` in the form that it has always had. */
const membersOf = ({ table, row, isDelete }: Write) => {
  if (isDelete) return { table: table.name, delete: row[keyColumn(table) ?? ""] }
  return table === DEFAULT_TABLE ? row : { table: table.name, row }
}

/** Begins with `{"`, so that the enqueue script can splice a version in front of it. */
export const encodeWrite = (write: Write): string => JSON.stringify(membersOf(write))

const withVersion = (version: number, object: string) => `{"version":${version},${object.slice(1)}`

/** An encoded write that carries its trace, a sampled `traceparent`. */
export const traceItem = (encoded: string, trace: string): string =>
  `{"table":"${TRACED}","row":{"trace":"${trace}",${encoded.slice(1)}}`

export const makeItem = (version: number, write: Write, trace?: string): Item =>
  trace === undefined ? { version, write } : { version, write, trace }

/** The version, then what the claim script puts in front of an item that enqueue did not make, or a trace. */
const PREFIX = new RegExp(
  `^\\{"version":(\\d{1,16}),(?:("foreign":true,)|"table":"${TRACED}","row":\\{"trace":"(${CARRIED})",)?`,
)

/** The members behind the prefix, as JSON. */
const rest = (text: string, prefix: RegExpExecArray | null): string =>
  prefix ? `{${text.slice(prefix[0].length, prefix[3] === undefined ? undefined : -1)}` : text

/** A write that was accepted is not refused later for its size: only what PostgreSQL refuses. */
const DECODERS = new Map(
  Object.values<Table>(TABLES).map((table) => [
    table.name,
    { table, decode: makeDecodeWrite(table, Number.POSITIVE_INFINITY) },
  ]),
)

interface Source {
  readonly text: string
  readonly version: number
  readonly isForeign: boolean
  readonly trace: string | undefined
}

type Read = Result.Result<Item, Unreadable | Unknown>

const unreadable = ({ text, version }: Source, reason: string): Read =>
  Result.fail({ version, text, reason })

const isObject = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const words = (found: ReadonlyArray<Flaw>, at: string) =>
  found.map(({ pointer, detail }) => `${at}${pointer} ${detail}`.trim()).join(", ")

/** A row; `at` is where in the item it stands. */
const readRow = (source: Source, name: string, row: unknown, at: string): Read => {
  const { version, isForeign } = source
  const known = DECODERS.get(name)
  if (known === undefined) {
    return isForeign || !NAME.test(name)
      ? unreadable(source, "/table is not one of the tables")
      : Result.fail({ version, lot: name })
  }
  const decoded = known.decode(row)
  if (Result.isSuccess(decoded))
    return Result.succeed(makeItem(version, decoded.success, source.trace))
  const { columns } = known.table
  const names = isObject(row) ? Object.keys(row) : []
  const column = names.find((each) => !Object.hasOwn(columns, each))
  // A row of a newer build has columns that this one knows: another object is none of any build.
  const isRow = names.some((each) => Object.hasOwn(columns, each))
  return isForeign || !isRow || !column || !isColumnName(column)
    ? unreadable(source, words(decoded.failure, at))
    : Result.fail({ version, lot: `${name}.${column}` })
}

const readDeletion = (source: Source, name: string, key: unknown): Read => {
  const table = DECODERS.get(name)?.table
  if (table === undefined) return readRow(source, name, null, "")
  const write = deletionOf(table, key)
  if (write === null || (source.isForeign && !table.deletes)) {
    return unreadable(source, "/delete is no key of a row that can be deleted")
  }
  return table.deletes
    ? Result.succeed(makeItem(source.version, write, source.trace))
    : Result.fail({ version: source.version, lot: `${name}.deleted_at` })
}

/** Reads an item of the queue. Its version is the one in front; another that somebody pushed means nothing. */
export const decodeItem = (text: string): Read => {
  const prefix = PREFIX.exec(text)
  const version = Number(prefix?.[1] ?? 0)
  const isForeign = prefix === null || prefix[2] !== undefined
  let source: Source = { text, version, isForeign, trace: prefix?.[3] }
  let parsed: unknown
  try {
    parsed = JSON.parse(rest(text, prefix))
  } catch {
    return unreadable(source, "is not JSON")
  }
  if (!isObject(parsed) || "unreadable" in parsed) return unreadable(source, "is not an object")
  let body = parsed
  // Two versions have only what was pushed and what an older build claimed, which made no mark.
  if ("version" in parsed) {
    const { version: _, ...others } = parsed
    body = others
    source = { ...source, isForeign: true }
  }
  const { table: name, row, delete: key } = body
  if (name === undefined) return readRow(source, DEFAULT_TABLE.name, body, "")
  const isWhole = Object.keys(body).length === 2 && (row ?? key) !== undefined
  if (typeof name !== "string" || !isWhole) {
    return unreadable(source, "is neither a row of a table nor a deletion")
  }
  if (key !== undefined) return readDeletion(source, name, key)
  return readRow(source, name, row, "/row")
}

/** What operators see of an item, also of one with a table or a column that only a newer build knows. */
export const showItem = (text: string): Waiting => {
  const read = decodeItem(text)
  if (Result.isSuccess(read)) {
    return { version: read.success.version, ...showRow(membersOf(read.success.write)) }
  }
  const { version } = read.failure
  if (!("lot" in read.failure)) return { version: version || null, unreadable: text }
  const members = JSON.parse(rest(text, PREFIX.exec(text)))
  const isRow = members.table === undefined
  return { version, ...showRow(isRow ? { table: DEFAULT_TABLE.name, row: members } : members) }
}

/** The dead letter of an item, as JSON: what it was, why it died, and when (ISO 8601). */
export const encodeDeadLetter = (
  dead: Item | Unreadable,
  reason: string,
  sqlstate: string | null,
  at: string,
): string => {
  const members = "write" in dead ? membersOf(dead.write) : { key: null, value: dead.text }
  return JSON.stringify({ version: dead.version, ...members, reason, sqlstate, at })
}

/** A dead letter, decoded: what operators see of it, and the item that a replay puts back. */
export const decodeDeadLetter = (letter: string) => {
  const stored = JSON.parse(letter) as StoredLetter
  const { version, reason, sqlstate, at, ...members } = stored
  // What was no write is kept whole in the place of the value.
  const isWrite = members.key !== null
  const item = isWrite ? withVersion(version, JSON.stringify(members)) : (members.value ?? "")
  const row = { ...showRow(members), ...(!isWrite && { table: null }) }
  return { shown: { version, ...row, reason, sqlstate, at }, version, item }
}
