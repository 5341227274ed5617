/**
 * The calls that write and read rows, as part of the contract: what they take and answer follows from the
 * declared tables. A call without a table is one of the table that an item without a table has.
 */
import { Schema } from "effect"
import { success } from "./http/answer.ts"
import { DEFAULT_TABLE } from "./item.ts"
import { rowSchema, storedRowSchema, type Table } from "./table/table.ts"
import { TABLES } from "./tables.ts"

/** The most rows that one call reads. */
export const KEYS_MAX = 100

const ALL = Object.values<Table>(TABLES)

const Queued = {
  queued: Schema.Literal(true),
  /** After the call to Redis that the write was part of. */
  queue_depth: Schema.Int,
  message: Schema.String,
  version: Schema.Int,
}
const deleted = Schema.Literal(true)
const table = Schema.String

/** As text, in the one form that a row's key has. */
const key = Schema.String

/** 200 says that the write is in PostgreSQL, to who waits for the commit; 202 that it is in the queue. */
const accepted = <F extends Schema.Struct.Fields>(members: F) => ({
  200: success({ ...members, committed: Schema.Literal(true) }),
  202: success(members),
})

const UNQUEUED = [
  "malformed-idempotency-key",
  "idempotency-conflict",
  "write-refused",
  "queue-full",
  "queue-unavailable",
  "outcome-unknown",
] as const

const Many = {
  queued: Schema.Int,
  queue_depth: Schema.Int,
  /** The lowest and the highest: those of a key are in the order of its writes. */
  first_version: Schema.Int,
  last_version: Schema.Int,
  /** Of each write, in their order, to who prefers a representation. */
  versions: Schema.optionalKey(Schema.Array(Schema.Int)),
}

/** Where the services have tokens. */
const WRITER = { token: "WRITE_TOKEN" } as const
const READER = { token: "READ_TOKEN" } as const

const ONE_WRITE = {
  ...WRITER,
  headers: {
    200: { Location: true, "Idempotency-Replayed": false, "Preference-Applied": true },
    202: { Location: true, "Idempotency-Replayed": false },
  },
} as const

/** A body with a row a line is read as it comes. */
const MANY_WRITES = {
  ...WRITER,
  lines: true,
  headers: {
    200: { "Idempotency-Replayed": false, "Preference-Applied": true },
    202: { "Idempotency-Replayed": false, "Preference-Applied": false },
  },
} as const

export const WRITES = {
  /** VALUE_MAX_BYTES limits what the columns have besides the key, in all. */
  "POST /write": {
    ...ONE_WRITE,
    body: rowSchema(DEFAULT_TABLE),
    answers: accepted({ key, ...Queued }),
    problems: ["invalid-write", ...UNQUEUED],
  },
  "POST /write/:table": {
    ...ONE_WRITE,
    about: "Appended rows have no key: the version names them.",
    body: Schema.Union(ALL.map(rowSchema)),
    answers: accepted({ table, key: Schema.NullOr(key), ...Queued }),
    problems: ["no-such-table", "invalid-write", ...UNQUEUED],
  },
  "DELETE /write/:key": {
    ...ONE_WRITE,
    answers: accepted({ key, ...Queued, deleted }),
    problems: ["malformed-key", ...UNQUEUED],
  },
  "DELETE /write/:table/:key": {
    ...ONE_WRITE,
    about: "405 where rows are not deleted.",
    answers: accepted({ table, key, ...Queued, deleted }),
    problems: ["no-such-table", "malformed-key", ...UNQUEUED],
  },
  "POST /writes": {
    ...MANY_WRITES,
    body: Schema.Array(rowSchema(DEFAULT_TABLE)),
    answers: accepted(Many),
    problems: ["invalid-write", "too-many-writes", ...UNQUEUED],
  },
  "POST /writes/:table": {
    ...MANY_WRITES,
    body: Schema.Union(ALL.map((each) => Schema.Array(rowSchema(each)))),
    answers: accepted(Many),
    problems: ["no-such-table", "invalid-write", "too-many-writes", ...UNQUEUED],
  },
} as const

/** A parameter for each key. */
const Keys = Schema.Array(key).check(Schema.isBetweenLength(1, KEYS_MAX))

/** In the order of the keys; null where there is no row. */
const rows = <S extends Schema.Top>(row: S) => Schema.Array(Schema.NullOr(row))

const AnyRow = Schema.Union(ALL.map(storedRowSchema))

const UNREAD = ["malformed-key", "database-unavailable"] as const

/**
 * With `min_version` the answer shows this version of the row or a later one, also where that is its deletion (404). What
 * is not there within the N seconds (30 at most) of `Prefer: wait=N` is `version-not-reached`; a write that
 * died is so for ever: what became of it only Redis knows, which no reader asks.
 */
const OfOne = Schema.Struct({
  min_version: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^\d{1,19}$/))),
})

const UNFOUND = ["no-such-key", "no-such-table", "version-not-reached", "invalid-request"] as const

/** The ETag of one row is its version, so 304 answers an If-None-Match that names it. */
const KNOWN = { 304: null } as const
const KNOWN_HEADERS = { ETag: true, "Preference-Applied": false } as const

export const READS = {
  "GET /read": {
    ...READER,
    query: Schema.Struct({ key: Keys }),
    answers: { 200: success({ rows: rows(storedRowSchema(DEFAULT_TABLE)) }) },
    problems: ["invalid-request", ...UNREAD],
  },
  /**
   * The form of the URL decides, and not which tables there are: a new one changes no call, and a key may be
   * named like a table.
   */
  "GET /read/:key": {
    ...READER,
    about: "With keys in the query the segment is a table, without it is a key.",
    query: Schema.Union([Schema.Struct({ key: Keys }), OfOne]),
    answers: {
      ...KNOWN,
      200: Schema.Union([
        success(storedRowSchema(DEFAULT_TABLE).fields),
        success({ rows: rows(AnyRow) }),
      ]),
    },
    // Of many rows there is none.
    headers: { 200: { ...KNOWN_HEADERS, ETag: false }, 304: KNOWN_HEADERS },
    problems: [...UNFOUND, ...UNREAD],
  },
  "GET /read/:table/:key": {
    ...READER,
    about: "An appended row by its version.",
    query: OfOne,
    answers: {
      ...KNOWN,
      200: Schema.Union(ALL.map((each) => success(storedRowSchema(each).fields))),
    },
    headers: { 200: KNOWN_HEADERS, 304: KNOWN_HEADERS },
    problems: [...UNFOUND, ...UNREAD],
  },
} as const
