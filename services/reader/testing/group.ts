/** Reads in groups without a database: queries are answered when a test says so. */
import type { Found } from "../../../shared/table/select.ts"
import type { Table } from "../../../shared/table/table.ts"
import { TABLES } from "../../../shared/tables.ts"
import { makeRead, type Read } from "../group.ts"

const values = TABLES.key_values

export const DEADLINE_MILLIS = 2_500

export const turn = () => new Promise((resume) => setImmediate(resume))

/** Reads whose queries are answered when the test says so. */
export const setUp = () => {
  const queries: Array<{
    table: Table
    keys: ReadonlyArray<string>
    answer: () => void
    fail: (error: unknown) => void
  }> = []
  const query: Read = (table, keys) =>
    new Promise((resolve, reject) => {
      const rows = keys.map((key): [string, Found] => [key, { version: Number(key), row: null }])
      queries.push({ table, keys, answer: () => resolve(new Map(rows)), fail: reject })
    })
  const readNow = makeRead(query, DEADLINE_MILLIS)
  /** What a test leaves unanswered fails after it, when nobody waits any more. */
  const read: Read = (...asked) => {
    const found = readNow(...asked)
    found.catch(() => {})
    return found
  }
  let next = 0
  /** So many reads of a key each that no other has. */
  const readMany = (count: number) =>
    Array.from({ length: count }, () => read(values, [String(next++)]))
  /** Answers each query until there are no more. */
  const answerAll = async () => {
    for (let index = 0; index < queries.length; index++) {
      queries[index]?.answer()
      for (let turns = 0; turns < 3; turns++) await turn()
    }
  }
  const sizes = () => queries.map(({ keys }) => keys.length)
  return { queries, read, readMany, answerAll, sizes }
}
