/**
 * What can go wrong at the worker's two boundaries, as five typed errors, and the one function that
 * tells them apart. What is done about each stands in `retry.ts`, `deliver.ts` and `hold.ts`.
 */
import { Data } from "effect"
import { DeadlinePassed } from "../../shared/database.ts"
import { poolerAdvice } from "../../shared/refusal.ts"

interface Failure {
  /** For people and logs: a SQLSTATE or a code, never text that quotes a key or a value. */
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

/** No write can succeed until somebody repairs the database: a missing table is no row's fault. */
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

/** SQLSTATE 57014, query_canceled: the statement took longer than it may. Fewer rows take less. */
export const isSlow = (error: DatabaseError) => error.sqlstate === "57014"

/** The first match decides. What is in no list is a misconfiguration: hold rather than lose. */
const POLICIES: ReadonlyArray<readonly [new (failure: Failure) => DatabaseError, RegExp]> = [
  // A protocol violation is a proxy or a driver that does not fit, and stays so.
  [DatabaseMisconfigured, /^08P01/],
  [DatabaseUnavailable, /^(08|57P|53300)/],
  [BatchFailed, /^(40|53|58|55P03|55006|57014|25P03|26000)/],
  // 21 (a key twice in one statement) cannot happen after coalescing; halving would separate the two.
  [WriteRejected, /^(21|22|23|54)/],
]

/** Error codes of sockets, name servers and the driver's own connection: ECONNREFUSED, CONNECT_TIMEOUT. */
const NETWORK = /^(E[A-Z_]+|CONNECT_TIMEOUT|CONNECTION_(CLOSED|ENDED|DESTROYED))$/

/** Tells what kind of failure a rejected query is, by its SQLSTATE, its code or its deadline. */
export const classify = (cause: unknown): DatabaseError => {
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
  const Kind = POLICIES.find(([, pattern]) => pattern.test(code))?.[0] ?? DatabaseMisconfigured
  const reason = poolerAdvice(cause) ?? `SQLSTATE ${code}`
  return new Kind({ reason, sqlstate: code, cause })
}
