/** A write as its clients know it: what they sent, what they asked for, and what they were told. */
import { TABLE } from "../../shared/testing/table.ts"

/** Whatever must not be seen outside has this word in it. */
export const CANARY = "canary"

/** `ok` has happened, `refused` has not and never will, `unknown` may have: neither lost nor harmless. */
export type Outcome = "ok" | "refused" | "unknown"

export interface Sent {
  /** Of an appended row its type. */
  readonly key: string
  /** Null of a deletion. */
  readonly value: string | null
  /** PostgreSQL rejects it. */
  readonly poison: boolean
  /** A row of its own, which no other write replaces. */
  readonly isAppended: boolean
  outcome: Outcome
  /** Of a write that is ok; 0 when its client was not told. */
  version: number
  /** Its client was told that it is in PostgreSQL. */
  isCommitted: boolean
  /** False when the Redis that counted it has lost its data since. */
  counted: boolean
}

export interface Asked {
  /** For how many seconds to wait for the commit. */
  readonly wait?: number
  /** The idempotency key. */
  readonly once?: string
}

/** The check that the table gets, and what breaks it. */
export const POISON = `${CANARY} poison`
export const POISON_SQL = `
  alter table ${TABLE} add constraint no_poison check (value not like '${POISON}%')`

/** The table of appended rows. */
export const APPENDED = "events"

/** Nothing of it has been sent yet. */
const draft = (key: string, value: string | null, poison: boolean, isAppended: boolean): Sent => ({
  ...{ key: `${CANARY} ${key}`, value, poison, isAppended },
  ...{ outcome: "refused", version: 0, isCommitted: false, counted: true },
})

export const rowOf = (key: string, value: string, poison = false) =>
  draft(key, poison ? `${POISON} ${value}` : `${CANARY} ${value}`, poison, false)

export const deletionOf = (key: string) => draft(key, null, false, false)

export const appendedOf = (key: string) => draft(key, CANARY, false, true)

/** As its table takes it. */
export const bodyOf = ({ key, value, isAppended }: Sent): object =>
  isAppended ? { type: key, payload: { value }, at: "2026-11-25T10:00:00.000Z" } : { key, value }
