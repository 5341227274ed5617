/**
 * What can go wrong at the worker's two boundaries, as six typed errors, and the one function that
 * tells them apart. What is done about each stands in `sift.ts`, `retry.ts` and `hold.ts`; what people
 * read of it, in `bury.ts` and `hold.ts`.
 */
import { Data } from "effect"
import { DeadlinePassed } from "../../shared/postgres/postgres.ts"
import type { Table } from "../../shared/table/table.ts"

interface Failure {
  /** A SQLSTATE or a code: a label of metrics, never text that quotes a key or a value. */
  readonly reason: string
  readonly sqlstate: string | null
  readonly cause?: unknown
}

/** PostgreSQL is not there, or does not answer. No batch's fault: hold, for as long as it takes. */
export class DatabaseUnavailable extends Data.TaggedError("DatabaseUnavailable")<Failure> {}

/** This attempt failed, another may not: retried a bounded number of times, then as unavailable. */
export class BatchFailed extends Data.TaggedError("BatchFailed")<Failure> {}

/** At least one row can never be stored. Halving finds it. */
export class WriteRejected extends Data.TaggedError("WriteRejected")<Failure> {}

/**
 * A row is at fault or the database is: the code does not say. A trigger may refuse one row or all, a
 * missing function may be one that only some rows need. Evidence decides.
 */
export class StatementRefused extends Data.TaggedError("StatementRefused")<Failure> {}

/** No write can succeed until somebody repairs the database: a wrong password is no row's fault. */
export class DatabaseMisconfigured extends Data.TaggedError("DatabaseMisconfigured")<Failure> {}

/** Redis is not there, or does not answer. */
export class QueueUnavailable extends Data.TaggedError("QueueUnavailable")<{
  readonly reason: string
  readonly cause?: unknown
}> {}

/** The queue belongs to the database of this identity, which is not the worker's. */
export class QueueOwned extends Data.TaggedError("QueueOwned")<{ readonly owner: string }> {}

export type DatabaseError =
  | DatabaseUnavailable
  | BatchFailed
  | WriteRejected
  | DatabaseMisconfigured

/** Where there are rows, one of them may be at fault. */
export type WriteError = DatabaseError | StatementRefused

/** SQLSTATEs of a session that cannot write anything. */
const OF_DATABASE = /^(08P01|25(?!P03)|28|3D)/

/** SQLSTATE 57014, query_canceled: the statement took longer than it may. Fewer rows take less. */
export const isSlow = (error: WriteError) => error.sqlstate === "57014"

/** SQLSTATE 55P03, lock_not_available: somebody has locked the table, or a row of it. */
export const isLocked = (error: WriteError) => error.sqlstate === "55P03"

/** The statements of a batch took longer together than they may: the only failure without a SQLSTATE. */
const isLate = (error: WriteError) => error._tag === "BatchFailed" && error.sqlstate === null

/** Whether rows of a table failed, all or some, so that a statement without rows may well succeed meanwhile. */
export const isOfRows = (error: WriteError): boolean =>
  error._tag === "StatementRefused" || isLocked(error) || isSlow(error) || isLate(error)

/**
 * Whether one table is at fault, and not the database as a whole: it is missing, locked, too slow, or refuses
 * rows. Writes of other tables go on then.
 */
export const isOfTable = (error: WriteError): boolean =>
  isOfRows(error) ||
  (error._tag === "DatabaseMisconfigured" &&
    error.sqlstate !== null &&
    !OF_DATABASE.test(error.sqlstate))

/** The first match decides. What is in no list, a trigger's own codes among it, evidence decides. */
const POLICIES: ReadonlyArray<readonly [new (failure: Failure) => WriteError, RegExp]> = [
  // A proxy or a driver that does not fit, a session that only reads, a login: whatever the rows are.
  // Another session may well store rows meanwhile, and would be evidence against the wrong one.
  [DatabaseMisconfigured, OF_DATABASE],
  [DatabaseUnavailable, /^(08|57P|53300)/],
  [BatchFailed, /^(40|53|58|55P03|55006|57014|25P03|26000)/],
  // 21 (a key twice in one statement) cannot happen after coalescing; halving would separate the two.
  [WriteRejected, /^(21|22|23|54)/],
]

/** What PostgreSQL sends beside a SQLSTATE. */
interface Fields {
  readonly table_name?: string
  readonly column_name?: string
  readonly constraint_name?: string
  readonly where?: string
}

/** SQLSTATEs: a sequence at its end, no value for a column, a check that fails or no partition for a row. */
const SEQUENCE_END = "2200H"
const NOT_NULL = "23502"
const CHECK = "23514"

const FILLED = new Set(["version", "updated_at"])

/**
 * The context of what cannot be read of a statement's parameter, or of the JSON in it: one line, in the
 * server's language. What a trigger reads has another line, of its function.
 */
const OF_PARAMETER = /^(?!PL\/).*(\$\d+|\bJSON\b).*$/

/** Whether every write has a value for the column: those are the declared ones, and what the buffer fills. */
const isWritten = (column: string, table: Table | null) =>
  FILLED.has(column) || Object.hasOwn(table?.columns ?? {}, column)

/**
 * Whether a value or a constraint that PostgreSQL names is the row's own fault. In a trigger it may be that of
 * the trigger's own table; and what no write can give or change, every row may lack.
 */
const isOfRow = (
  code: string,
  table: Table | null,
  { table_name, column_name, constraint_name, where }: Fields,
) =>
  code !== SEQUENCE_END &&
  (!where || OF_PARAMETER.test(where)) &&
  (!table_name || table_name === table?.name) &&
  (code !== NOT_NULL || !column_name || isWritten(column_name, table)) &&
  (code !== CHECK || constraint_name !== undefined)

/**
 * Error codes of sockets, name servers and the driver's own connection: ECONNREFUSED, CONNECT_TIMEOUT; and
 * NO_PRIMARY, which a failover goes through.
 */
const NETWORK =
  /^(E[A-Z_]+|CONNECT_TIMEOUT|CONNECTION_(CLOSED|ENDED|DESTROYED)|NO_(PRIMARY|READ_WRITE|STANDBY))$/

/**
 * Whether appended rows have no partition: no client chooses their versions, so that it is the one that all new
 * rows need. A row that the table has taken before says nothing of it.
 */
const hasNoPartition = (table: Table | null, { constraint_name, where }: Fields) =>
  table?.mode === "append" && table.key.length === 1 && !constraint_name && !where

/**
 * Tells what kind of failure a rejected query is, by its SQLSTATE, its code or its deadline; `table` is the
 * one whose rows it wrote, if it wrote any.
 */
export const classify = (cause: unknown, table: Table | null = null): WriteError => {
  const { name, code } = (cause ?? {}) as { name?: unknown; code?: unknown }
  if (cause instanceof DeadlinePassed) {
    return new DatabaseUnavailable({ reason: "deadline passed", sqlstate: null, cause })
  }
  if (typeof code !== "string") {
    return new DatabaseMisconfigured({ reason: "unknown error", sqlstate: null, cause })
  }
  // Five characters are no proof of a SQLSTATE: EPIPE has five as well. Only the server's errors have one.
  if (name !== "PostgresError") {
    const Kind = NETWORK.test(code) ? DatabaseUnavailable : DatabaseMisconfigured
    return new Kind({ reason: code, sqlstate: null, cause })
  }
  if (code === CHECK && hasNoPartition(table, cause as Fields)) {
    return new DatabaseMisconfigured({ reason: `SQLSTATE ${code}`, sqlstate: code, cause })
  }
  const Found = POLICIES.find(([, pattern]) => pattern.test(code))?.[0]
  const isUnclear = !Found || (Found === WriteRejected && !isOfRow(code, table, cause as Fields))
  const Kind = isUnclear ? StatementRefused : Found
  return new Kind({ reason: `SQLSTATE ${code}`, sqlstate: code, cause })
}

/** What becomes of an error of a call without rows: what is refused then is the database's fault. */
export const blameDatabase = (error: WriteError) => {
  if (error._tag !== "StatementRefused" && error._tag !== "WriteRejected") return error
  const { reason, sqlstate, cause } = error
  return new DatabaseMisconfigured({ reason, sqlstate, cause })
}
