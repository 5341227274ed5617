/**
 * What the tests of evidence break in a database: its rules for rows, its changes, the table itself. Memory
 * and PostgreSQL each have a layer of it, beside the tests that use it.
 */
import { Context, type Effect } from "effect"

/** What refuses rows: a trigger's exceptions, what its function misses, and policies. */
export const OF_ROWS = {
  P0001: "a trigger that raises",
  U0001: "a trigger with a code of its own",
  "42883": "a trigger that misses a function",
  "42P01": "a trigger that misses a table",
  "3F000": "a trigger that misses a schema",
  "42501": "a row-level policy",
} as const
export type RowCode = keyof typeof OF_ROWS

/** What refuses every statement, whatever its rows. */
export const OF_TABLES = {
  "42P01": "a missing table",
  "42501": "a revoked right",
  "42703": "a missing column",
} as const
export type TableCode = keyof typeof OF_TABLES

export const CHANGES = ["insert", "update", "insert or update"] as const
export type Change = (typeof CHANGES)[number]

/** What a test breaks. Each lasts until `mend`. */
export class Breaking extends Context.Service<
  Breaking,
  {
    /** Refuses rows with this value; all rows when it is null. */
    readonly rows: (code: RowCode, value: string | null) => Effect.Effect<void>
    /** Refuses all rows that are new, or changed, or both, and no others: P0001. */
    readonly changes: (of: Change) => Effect.Effect<void>
    readonly table: (code: TableCode) => Effect.Effect<void>
    readonly mend: Effect.Effect<void>
  }
>()("write-buffer/worker/Breaking") {}
