import { Result } from "effect"
import { describe, expect, it } from "vitest"
import {
  boolean,
  type Column,
  integer,
  json,
  number,
  text,
  timestamp,
  uuid,
} from "../shared/table/column.ts"
import { append, declareTables, upsert } from "../shared/table/table.ts"
import { makeDecodeWrite } from "../shared/write.ts"
import { findTable, markTable } from "./mark.ts"

const value = text()
const keyed = (key: Column) => upsert({ key: "key", columns: { value, key } })
const tables = declareTables({
  text: keyed(text()),
  integer: keyed(integer()),
  uuid: keyed(uuid()),
  appended_text: append({ columns: { at: timestamp(), short: text({ maxBytes: 3 }), value } }),
  appended_json: append({ columns: { at: timestamp(), payload: json() } }),
  appended_number: append({ columns: { at: timestamp(), is: boolean(), n: number() } }),
  narrow: keyed(integer({ max: 1_000 })),
  featureless: append({ columns: { at: timestamp(), is: boolean() } }),
})

describe("markTable", () => {
  it.each([
    ["text", "key", "load-0012:007:00000345"],
    ["integer", "key", "1001200700000345"],
    ["uuid", "key", "00120007-0000-4000-8000-000000000345"],
    ["appended_text", "value", "load-0012:007:00000345"],
    ["appended_json", "payload", "load-0012:007:00000345"],
    ["appended_number", "n", "1001200700000345"],
  ] as const)("puts a mark into rows of the table %s", (name, column, mark) => {
    const table = tables[name]
    const marked = markTable(table)
    expect(marked?.column).toBe(column)
    expect(marked?.mark("load-0012", 7, 345)).toBe(mark)
    expect(marked?.mark("load-9999", 999, 99_999_999)).toHaveLength(mark.length)
    const write = marked?.write(mark)
    expect(String(write?.row[column])).toBe(mark)
    // As a client sends it, and as it comes from a queue.
    const body = JSON.stringify(write?.row)
    expect(body.split(mark)).toHaveLength(2)
    expect(makeDecodeWrite(table, 65_536)(JSON.parse(body))).toEqual(Result.succeed(write))
  })

  it.each(["narrow", "featureless"] as const)("has none for the table %s", (name) => {
    expect(markTable(tables[name])).toBeUndefined()
  })
})

describe("findTable", () => {
  it("finds the table of POST /write without a name, and others under theirs", () => {
    expect(findTable().path).toBe("/write")
    expect(findTable("events")).toMatchObject({ path: "/write/events", column: "type" })
    expect(() => findTable("none")).toThrow("none is no table")
  })
})
