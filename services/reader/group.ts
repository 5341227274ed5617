/**
 * read: what there is of keys, in groups. All reads of one event-loop turn that are of one table go in one
 * query, so that a read costs a share of a query and not one of its own. Each is answered or fails within
 * its deadline; what waits is bounded. Tables share nothing here: one that is locked holds up no other.
 */
import { DeadlinePassed } from "../../shared/postgres/postgres.ts"
import type { Found } from "../../shared/table/select.ts"
import type { Table } from "../../shared/table/table.ts"

/** Of one query, unless a single read has more. */
export const GROUP_MAX_KEYS = 500

/** Of one table, so that reads gather while PostgreSQL works. */
export const QUERIES_MAX = 2

/** Of one table, not answered yet: beyond it PostgreSQL does not keep up. */
export const WAITING_MAX_READS = 10_000

/** After a query that took longer the groups are smaller: rows may be large, or on a slow disk. */
export const SLOW_MILLIS = 100
/** A query of fewer keys is not slow because of them. */
export const GROUP_MIN_KEYS = 10

/** What there is, each under its key; others may be there as well. */
type Rows = ReadonlyMap<string, Found>

/** What there is of these keys. Rejects when PostgreSQL cannot say. */
export type Read = (table: Table, keys: ReadonlyArray<string>) => Promise<Rows>

interface Waiter {
  readonly keys: ReadonlyArray<string>
  readonly resolve: (rows: Rows) => void
  readonly reject: (error: unknown) => void
  readonly timer: ReturnType<typeof setTimeout>
}

/** How many keys a group may have: fewer while queries are slow. */
const makeSize = () => {
  let most = GROUP_MAX_KEYS
  return {
    most: () => most,
    /** A query of so many keys took so long; `isFull`: there were more. */
    learn: (keys: number, isFull: boolean, millis: number) => {
      if (millis > SLOW_MILLIS) {
        most = Math.max(GROUP_MIN_KEYS, Math.floor(Math.min(most, keys) / 2))
      } else if (isFull) most = Math.min(GROUP_MAX_KEYS, most + Math.ceil(most / 10))
    },
  }
}

const makeTableRead = (query: (keys: ReadonlyArray<string>) => Promise<Rows>, millis: number) => {
  const size = makeSize()
  /** All that have no answer, and of them those whose query is still to be sent. */
  const waiting = new Set<Waiter>()
  const gathered = new Set<Waiter>()
  let queries = 0
  let isDue = false

  const end = (waiter: Waiter) => {
    waiting.delete(waiter)
    gathered.delete(waiter)
    clearTimeout(waiter.timer)
  }
  const fail = (waiter: Waiter, error: unknown) => {
    end(waiter)
    waiter.reject(error)
  }

  const take = () => {
    const group: Waiter[] = []
    const keys = new Set<string>()
    for (const waiter of gathered) {
      if (group.length > 0 && keys.size + waiter.keys.length > size.most()) break
      gathered.delete(waiter)
      group.push(waiter)
      for (const key of waiter.keys) keys.add(key)
    }
    return { group, keys: [...keys], isFull: gathered.size > 0 }
  }

  const send = async ({ group, keys, isFull }: ReturnType<typeof take>) => {
    queries += 1
    const begun = performance.now()
    try {
      const rows = await query(keys)
      for (const waiter of group) {
        end(waiter)
        waiter.resolve(rows)
      }
    } catch (error) {
      for (const waiter of group) fail(waiter, error)
      // What gathered meanwhile would wait as long again for a PostgreSQL that does not answer.
      if (error instanceof DeadlinePassed) for (const waiter of gathered) fail(waiter, error)
    }
    queries -= 1
    size.learn(keys.length, isFull, performance.now() - begun)
    schedule()
  }

  const flush = () => {
    isDue = false
    while (queries < QUERIES_MAX && gathered.size > 0) void send(take())
  }

  /** At the end of the turn, or when one of the queries that are under way returns. */
  const schedule = () => {
    if (isDue || queries >= QUERIES_MAX || gathered.size === 0) return
    isDue = true
    setImmediate(flush)
  }

  return (keys: ReadonlyArray<string>): Promise<Rows> => {
    if (waiting.size >= WAITING_MAX_READS) {
      const busy = new Error("too many reads wait for PostgreSQL")
      return Promise.reject(Object.assign(busy, { code: "TOO_MANY_READS" }))
    }
    return new Promise((resolve, reject) => {
      const late = () => fail(waiter, new DeadlinePassed(`no answer within ${millis} ms`))
      const waiter = { keys, resolve, reject, timer: setTimeout(late, millis) }
      waiting.add(waiter)
      gathered.add(waiter)
      schedule()
    })
  }
}

/** Reads in groups by `query`, each within its deadline. */
export const makeRead = (query: Read, deadlineMillis: number): Read => {
  const reads = new Map<Table, ReturnType<typeof makeTableRead>>()
  return (table, keys) => {
    const known = reads.get(table)
    if (known) return known(keys)
    const read = makeTableRead((group) => query(table, group), deadlineMillis)
    reads.set(table, read)
    return read(keys)
  }
}
