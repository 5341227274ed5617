/**
 * reach: what there is of a key at some version or a later one, so that a client reads what it wrote. It
 * waits where it has to and may; all waits of a table share their reads.
 */
import type { Found } from "../../shared/table/select.ts"
import type { Table } from "../../shared/table/table.ts"
import { makeWaits, type Waits } from "../../shared/waits.ts"
import type { Read } from "./group.ts"

/** What there is, null when that is nothing. A version of nothing is lower than any. */
type There = Found | null

interface Asked {
  readonly key: string
  readonly version: number
}

export interface Patience {
  readonly millis: number
  /** Who has left waits no longer. */
  readonly signal: AbortSignal
}

/**
 * Resolves to what there is, as soon as it is at the version or later; and when that is not in time, to what
 * there is then. Rejects when PostgreSQL cannot say, with patience at its end.
 */
export type Reach = (table: Table, asked: Asked, patience: Patience | null) => Promise<There>

export const isAt = (there: There, version: number): boolean => (there?.version ?? 0) >= version

export const makeReach = (read: Read): { readonly reach: Reach; readonly end: () => void } => {
  const all = new Map<Table, Waits<Asked, There>>()
  let isEnding = false

  const makeWaitsOf = (table: Table) =>
    makeWaits<Asked, There>(
      async (asked) => {
        const rows = await read(
          table,
          asked.map(({ key }) => key),
        )
        return asked.map(({ key }) => rows.get(key) ?? null)
      },
      ({ version }, there) => isAt(there, version),
    )
  const waitsOf = (table: Table) => {
    const waits = all.get(table) ?? makeWaitsOf(table)
    all.set(table, waits)
    return waits
  }

  const now = async (table: Table, key: string): Promise<There> =>
    (await read(table, [key])).get(key) ?? null

  const reach: Reach = async (table, asked, patience) => {
    const first = now(table, asked.key)
    if (patience === null) return first
    const until = performance.now() + patience.millis
    const isThere = await first.then(
      (there) => isAt(there, asked.version),
      () => false,
    )
    const left = until - performance.now()
    if (isThere || isEnding || left <= 0) return first
    // Undefined: it did not wait.
    const found = await waitsOf(table).wait(asked, left, patience.signal)
    return found === undefined ? first : found
  }
  return {
    reach,
    /** Whoever waits is answered with what there is. */
    end: () => {
      isEnding = true
      for (const waits of all.values()) waits.end()
    },
  }
}
