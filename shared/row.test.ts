/** Writes of tables of every kind of column, as ingest reads them: their rows, keys and deletions. */
import { Buffer } from "node:buffer"
import { Result } from "effect"
import { describe, expect, test } from "vitest"
import { DEFAULT_TABLE } from "./item.ts"
import { boolean, integer, json, nullable, text, timestamp, uuid } from "./table/column.ts"
import { append, declareTables, type Table, upsert } from "./table/table.ts"
import { TABLES } from "./tables.ts"
import { keyValue, rowOf } from "./testing/write.ts"
import { type DecodeWrite, deletionOf, identity, makeDecodeWrite, parseKey } from "./write.ts"

/** The flaws as "pointer detail", or the write. */
const seen = (input: unknown, decode: DecodeWrite) =>
  Result.match(decode(input), {
    onFailure: (flaws) => flaws.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()),
    onSuccess: (write) => write,
  })

/** Two tables of all kinds of columns; the second is of rows that are appended. */
const OTHERS = declareTables({
  devices: upsert({
    key: "id",
    columns: {
      id: uuid(),
      name: text({ maxBytes: 20 }),
      note: nullable(text()),
      payload: nullable(json()),
      count: nullable(integer({ min: 0 })),
      is_on: nullable(boolean()),
      at: nullable(timestamp()),
    },
    deletes: true,
  }),
  numbered: upsert({ key: "id", columns: { id: integer(), note: text() }, deletes: true }),
  clicks: append({
    columns: {
      type: text(),
      payload: json(),
      constructor: nullable(text()),
      toString: nullable(json()),
    },
  }),
})
const ID = "0b9c1d2e-3f4a-5b6c-7d8e-9fa0b1c2d3e4"

describe("a row of any table", () => {
  const devices = makeDecodeWrite(OTHERS.devices, 100)

  test("gives each column its one form, in the order of the declaration, and leaves nulls out", () => {
    const write = Result.getOrThrow(
      devices({
        at: "2026-11-25T10:00:00+01:00",
        is_on: false,
        count: "7",
        payload: { b: [1], a: null },
        note: null,
        name: "lamp",
        id: ID.toUpperCase(),
      }),
    )
    const row = {
      ...{ id: ID, name: "lamp", payload: { b: [1], a: null }, count: 7, is_on: false },
      at: "2026-11-25T09:00:00.000Z",
    }
    expect(write).toEqual(rowOf(OTHERS.devices, row))
    expect(JSON.stringify(write.row)).toBe(JSON.stringify(row))
    expect(seen({ id: ID, name: "" }, devices)).toEqual(rowOf(OTHERS.devices, { id: ID, name: "" }))
  })

  test("reports the flaws of all columns, with what is missing and what is no column", () => {
    expect(seen({ id: "x", note: 7, payload: null, at: "now", note_: 1 }, devices)).toEqual([
      "/id is not a UUID",
      "/name is missing",
      "/note is not a string",
      "/at is not a moment such as 2026-11-25T10:00:00Z",
      "/note_ is no column",
    ])
  })

  test("points at a column whose JSON is flawed, and shows nothing of it", () => {
    const decodeEvent = makeDecodeWrite(TABLES.events, 100)
    const at = "2026-11-25T10:00:00Z"
    expect(seen({ type: "click", payload: { secret: "\0" }, at }, decodeEvent)).toEqual([
      "/payload has U+0000 or a lone surrogate",
    ])
    expect(seen({ type: "click", payload: null, at }, decodeEvent)).toEqual(["/payload is null"])
    const polluting = JSON.parse(
      `{"type":"click","payload":{"__proto__":{"admin":1}},"at":"${at}"}`,
    )
    const { row } = Result.getOrThrow(decodeEvent(polluting))
    expect(JSON.stringify(row.payload)).toBe('{"__proto__":{"admin":1}}')
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })

  test("may be so many bytes in all, of which keys, numbers and moments are none", () => {
    const row = {
      ...{ id: ID, name: "lämp", note: "é€", count: 7, is_on: true },
      ...{ payload: ["🙂"], at: "2026-11-25T10:00:00Z" },
    }
    const bytes = Buffer.byteLength("lämp") + Buffer.byteLength("é€") + Buffer.byteLength('["🙂"]')
    expect(bytes).toBe(5 + 5 + 8)
    const limited = (valueMaxBytes: number) => makeDecodeWrite(OTHERS.devices, valueMaxBytes)
    expect(seen(row, limited(18))).toMatchObject({ row: { id: ID, note: "é€" } })
    expect(seen(row, limited(17))).toEqual(["is over 17 bytes of UTF-8 in all"])
    expect(seen({ ...row, payload: null }, limited(10))).toMatchObject({ row: { id: ID } })
    // One that is too large alone is pointed at.
    expect(seen({ ...row, note: "x".repeat(18) }, limited(17))).toEqual([
      "/note is over 17 bytes of UTF-8",
    ])
    expect(seen({ ...row, name: "x".repeat(21) }, limited(1_000))).toEqual([
      "/name is over 20 bytes of UTF-8",
    ])
  })

  test("may have columns with the names that all objects know", () => {
    const clicks = makeDecodeWrite(OTHERS.clicks, 100)
    expect(seen({ type: "a", payload: 1 }, clicks)).toEqual(
      rowOf(OTHERS.clicks, { type: "a", payload: 1 }),
    )
    const whole = { type: "a", payload: 1, constructor: "b", toString: [] }
    expect(seen(whole, clicks)).toEqual(rowOf(OTHERS.clicks, whole))
    expect(seen({ type: "a", payload: 1, hasOwnProperty: 1, valueOf: 1 }, clicks)).toEqual([
      "/hasOwnProperty is no column",
      "/valueOf is no column",
    ])
  })
})

describe("a key", () => {
  test("gives the one form of what a path or JSON has, and null where rows have no key", () => {
    expect(parseKey(OTHERS.devices, ID.toUpperCase())).toBe(ID)
    expect(parseKey(OTHERS.numbered, "12")).toBe(12)
    expect(parseKey(OTHERS.numbered, 12)).toBe(12)
    expect(parseKey(OTHERS.numbered, "9007199254740993")).toBe("9007199254740993")
    for (const [table, given] of [
      ...[[OTHERS.devices, ID.slice(1)] as const, [OTHERS.devices, null] as const],
      ...["012", "1.0", " 1", "", 1.5, 2 ** 53].map((key) => [OTHERS.numbered, key] as const),
      ...[7, null, true, {}, ["a"], undefined].map((key) => [DEFAULT_TABLE, key] as const),
      [OTHERS.clicks, "1"] as const,
    ]) {
      expect(parseKey(table, given)).toBeNull()
    }
  })
})

describe("a deletion", () => {
  const deletion = (table: Table, row: object) => ({ table, row, isDelete: true })

  test("has the key in its one form, and nothing else of the row", () => {
    expect(deletionOf(DEFAULT_TABLE, "user:1")).toEqual(deletion(DEFAULT_TABLE, { key: "user:1" }))
    expect(deletionOf(OTHERS.devices, ID.toUpperCase())).toEqual(
      deletion(OTHERS.devices, { id: ID }),
    )
    expect(deletionOf(OTHERS.numbered, "-0")).toBeNull()
    expect(deletionOf(OTHERS.numbered, -0)).toEqual(deletion(OTHERS.numbered, { id: 0 }))
    expect(deletionOf(OTHERS.clicks, "1")).toBeNull()
    expect(deletionOf(DEFAULT_TABLE, "..")).toBeNull()
  })
})

describe("the identity of a write", () => {
  test("is its key as text, also of a deletion; appended rows have none", () => {
    expect(identity(keyValue("user:1"))).toBe("user:1")
    expect(identity(rowOf(OTHERS.numbered, { id: 7, note: "" }))).toBe("7")
    expect(identity({ table: OTHERS.devices, row: { id: ID }, isDelete: true })).toBe(ID)
    expect(identity(rowOf(TABLES.events, { type: "a", payload: 1, at: "" }))).toBeNull()
  })
})
