import { describe, expect, it } from "vitest"
import { Ledger } from "./ledger.ts"
import { findTable } from "./mark.ts"
import { BULK_ROWS, isPossible, READ_ROWS, requestOf, rowsOf, tablesOf } from "./request.ts"
import type { Work } from "./result.ts"

const marked = findTable()
const ask = (name: "sync" | "async" | "reader", work: Work) =>
  requestOf(name, work, marked, new Ledger("load-0001", marked, rowsOf(work)))

describe("requestOf", () => {
  it.each([
    ["sync", "upsert", "POST /write", 200],
    ["async", "upsert", "POST /write", 202],
    ["async", "wait", "POST /write", 200],
    ["async", "bulk", "POST /writes", 202],
    ["reader", "read", "GET /read/load-0001:000:00000000", 200],
  ] as const)("asks %s for %s", (name, work, line, status) => {
    const request = ask(name, work)
    expect([`${request.method} ${request.path}`, request.status]).toEqual([line, status])
    expect(request.headers.prefer).toBe(work === "wait" ? "wait=8" : undefined)
  })

  it("has in bulk a row a line, each with the next number", () => {
    const { body = "", marks, next } = ask("async", "bulk")
    const lines = body.split("\n")
    expect(lines).toHaveLength(BULK_ROWS)
    for (const [row, line] of lines.entries()) expect(JSON.parse(line).key).toBe(marks[row])
    const account = { client: 3, sent: 2, answered: 2, unpromised: new Set<number>() }
    expect(next(account, 7)).toEqual([3, 2 * BULK_ROWS + 7])
  })

  it("reads rows that are there, whoever asks", () => {
    const { next } = ask("sync", "read")
    for (const [client, sent] of [
      [0, 0],
      [255, 123_456],
    ] as const) {
      const [owner, number] = next({ client, sent, answered: 0, unpromised: new Set() }, 0)
      expect(owner).toBe(0)
      expect(number).toBeLessThan(READ_ROWS)
    }
  })
})

describe("tablesOf", () => {
  it("has the table of the run, another one beside it, or one without keys", () => {
    const names = (work: Work) => tablesOf(work, marked).map(({ table }) => table.name)
    expect(names("upsert")).toEqual(["key_values"])
    expect(names("append")).toEqual(["events"])
    expect(names("mixed")).toEqual(["key_values", "events"])
    expect(isPossible("mixed", marked)).toBe(true)
  })
})
