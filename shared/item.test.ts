import { Result } from "effect"
import { describe, expect, test } from "vitest"
import { DEFAULT_TABLE, decodeItem, encodeWrite, makeItem } from "./item.ts"
import { TABLES } from "./tables.ts"
import { keyValue, rowOf } from "./testing/write.ts"
import { deletionOf, identity, type Write } from "./write.ts"

const AT = "2026-11-22T10:00:00.000Z"
const EVENT = { type: "click", payload: { a: [1, null], __proto: "é" }, at: AT }
const event = rowOf(TABLES.events, EVENT)
const deletion = deletionOf(DEFAULT_TABLE, 'a"b') as Write

/** As the enqueue script puts a version in front. */
const spliced = (version: number, write: Write) =>
  `{"version":${version},${encodeWrite(write).slice(1)}`

const failure = (text: string) =>
  Result.match(decodeItem(text), { onFailure: (is) => is, onSuccess: () => null })
const reasonOf = (text: string) => (failure(text) as { reason?: string } | null)?.reason
const lotOf = (text: string) => (failure(text) as { lot?: string } | null)?.lot

describe("an item of the queue", () => {
  const write = keyValue('a"b', "}\n🙂")

  test("is a write with a version spliced in front", () => {
    const encoded = encodeWrite(write)
    expect(encoded.startsWith('{"key":')).toBe(true)
    const item = decodeItem(`{"version":1795327495123456,${encoded.slice(1)}`)
    expect(item).toEqual(Result.succeed(makeItem(1_795_327_495_123_456, write)))
    expect(identity(write)).toBe('a"b')
  })

  test("of another table names it, and so does a deletion of any table", () => {
    expect(encodeWrite(event)).toBe(`{"table":"events","row":${JSON.stringify(EVENT)}}`)
    expect(encodeWrite(deletion)).toBe('{"table":"key_values","delete":"a\\"b"}')
    for (const each of [event, deletion]) {
      expect(decodeItem(spliced(7, each))).toEqual(Result.succeed(makeItem(7, each)))
    }
    // As may be the row of the table of items that name none.
    const text = '{"version":7,"table":"key_values","row":{"key":"a","value":"b"}}'
    expect(decodeItem(text)).toEqual(Result.succeed(makeItem(7, keyValue("a", "b"))))
  })

  test.each(['{"version":7,', '{"version":7,"foreign":true,', "{"])(
    "has each column's one form, whoever made it and however it was written: %s",
    (begin) => {
      const version = begin === "{" ? 0 : 7
      const row =
        '{"at":"2026-11-22T11:00:00+01:00","payload":{"b":1.50e1,"a":[ ]},"type":"\\u0061"}'
      const whole = { type: "a", payload: { b: 15, a: [] }, at: AT }
      const read = (members: string) => Result.getOrThrow(decodeItem(begin + members))
      const events = read(`"table":"events","row":${row}}`)
      expect(events).toEqual(makeItem(version, rowOf(TABLES.events, whole)))
      expect(Object.keys(events.write.row)).toEqual(Object.keys(whole))
      expect(read(' "value":"\\u0061\\/" ,"key":"k"}')).toEqual(
        makeItem(version, keyValue("k", "a/")),
      )
      expect(read('"table":"key_values","delete":"\\u0061"}').write).toEqual({
        ...{ table: DEFAULT_TABLE, row: { key: "a" }, isDelete: true },
      })
    },
  )

  test("takes its version from the prefix, whatever else says version", () => {
    for (const mark of ["", '"foreign":true,']) {
      const text = `{"version":7,${mark}"version":99,"key":"a","value":"b"}`
      expect(decodeItem(text)).toEqual(Result.succeed(makeItem(7, keyValue("a", "b"))))
      const other = `{"version":7,${mark}"version":99,${encodeWrite(event).slice(1)}`
      expect(decodeItem(other)).toEqual(Result.succeed(makeItem(7, event)))
    }
  })

  test("is not refused for the size of its value, which was accepted once", () => {
    const value = "x".repeat(5_000_000)
    expect(Result.isSuccess(decodeItem(`{"version":1,"key":"a","value":"${value}"}`))).toBe(true)
    const large = rowOf(TABLES.events, { ...EVENT, payload: value })
    expect(Result.isSuccess(decodeItem(spliced(1, large)))).toBe(true)
  })

  test.each([
    ["no JSON", 0, "is not JSON"],
    ['{"version":7,', 7, "is not JSON"],
    ['{"version":7,}', 7, "/key is missing, /value is missing"],
    ['{"version":7,"foreign":true,}', 7, "/key is missing, /value is missing"],
    ['{"version":7,"unreadable":"x"}', 7, "is not an object"],
    ['{"version":7,"foreign":true,"unreadable":"x"}', 7, "is not an object"],
    ['{"version":7,"key":"a","value":"\\u0000"}', 7, "/value has U+0000 or a lone surrogate"],
    ['{"key":"a"}', 0, "/value is missing"],
    ["[]", 0, "is not an object"],
    ["null", 0, "is not an object"],
    ["", 0, "is not JSON"],
    ['{"version":7,"table":"events","row":[]}', 7, "/row is not an object"],
    [
      '{"version":7,"table":"events","row":{"type":7,"payload":1}}',
      ...([7, "/row/type is not a string, /row/at is missing"] as const),
    ],
  ])("that is no write says so: %s", (text, version, reason) => {
    expect(decodeItem(text)).toEqual(Result.fail({ version, text, reason }))
  })

  test.each([
    ['"table":"events"', "no row"],
    ['"table":"events","row":null', "null for a row"],
    [`"table":"events","row":${JSON.stringify(EVENT)},"ttl":7`, "another member"],
    ['"table":"key_values","row":{"key":"a","value":"b"},"delete":"a"', "a row and a deletion"],
    ['"table":"key_values","key":"a","value":"b"', "a row that is not within it"],
    ['"table":7,"delete":"a"', "no name for a table"],
    ['"table":null,"key":"a","value":"b"', "null for a table"],
  ])("with a table has a row or a deletion and nothing else: %s", (members) => {
    for (const mark of ["", '"foreign":true,']) {
      const text = `{"version":7,${mark}${members}}`
      expect(reasonOf(text)).toBe("is neither a row of a table nor a deletion")
    }
  })

  test.each(["null", "7", "true", '["a"]', '{"a":1}', '""', '".."', '"\\u0000"'])(
    "deletes nothing by what is no key: %s",
    (key) => {
      const text = `{"version":7,"foreign":true,"table":"key_values","delete":${key}}`
      expect(reasonOf(text)).toBe("/delete is no key of a row that can be deleted")
    },
  )

  test("deletes nothing of a table whose rows stay", () => {
    expect(reasonOf('{"version":7,"table":"events","delete":"7"}')).toBe(
      "/delete is no key of a row that can be deleted",
    )
  })
})

describe("an item of a newer build", () => {
  test.each([
    ['"table":"orders_in_tests","row":{"id":1}', "orders_in_tests"],
    ['"table":"orders_in_tests","delete":"a"', "orders_in_tests"],
    ['"key":"a","value":"b","ttl":7', "key_values.ttl"],
    ['"key":"a","ttl":7,"more":8', "key_values.ttl"],
    [`"table":"events","row":${JSON.stringify({ ...EVENT, note: "n" })}`, "events.note"],
    ['"table":"key_values","row":{"key":"a","value":"b","ttl":7}', "key_values.ttl"],
  ])("waits in the lot of what it needs: %s", (members, lot) => {
    expect(failure(`{"version":7,${members}}`)).toEqual({ version: 7, lot })
  })

  test.each([
    ['"table":"orders_in_tests","row":{"id":1}', "/table is not one of the tables"],
    ['"table":"orders_in_tests","delete":"a"', "/table is not one of the tables"],
    ['"key":"a","value":"b","ttl":7', "/ttl is no column"],
    [`"table":"events","row":${JSON.stringify({ ...EVENT, note: "n" })}`, "/row/note is no column"],
  ])("is none when enqueue did not make it, and waits for nothing: %s", (members, reason) => {
    const marked = `{"version":7,"foreign":true,${members}}`
    expect(failure(marked)).toEqual({ version: 7, text: marked, reason })
    expect(failure(`{${members}}`)).toEqual({ version: 0, text: `{${members}}`, reason })
    // As an older build claimed it.
    expect(reasonOf(`{"version":7,"version":3,${members}}`)).toBe(reason)
  })

  test.each([
    ['"table":"no name","row":{}', "/table is not one of the tables"],
    ['"table":"","row":{}', "/table is not one of the tables"],
    ['"table":"__proto__ ","delete":"a"', "/table is not one of the tables"],
    ['"nothing":1', "/key is missing, /value is missing, /nothing is no column"],
    ['"key":"a","value":"b","no name":1', "/no name is no column"],
    ['"key":"a","value":"b","updated_at":"2026"', "/updated_at is no column"],
    ['"key":"a","value":"b","deleted_at":true', "/deleted_at is no column"],
    ['"key":"a","value":"b","__proto__":1', "/__proto__ is no column"],
    [
      `"table":"events","row":${JSON.stringify({ ...EVENT, version: 9 })}`,
      "/row/version is no column",
    ],
  ])("is none when no build can have such a table or column: %s", (members, reason) => {
    expect(reasonOf(`{"version":7,${members}}`)).toBe(reason)
    expect(lotOf(`{"version":7,${members}}`)).toBeUndefined()
  })

  test("has a reason of bounded length, whatever it is", () => {
    const long = "x".repeat(10_000)
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`${at} ${long}`, 1]))
    for (const members of [many, { table: "events", row: many }, { table: long, row: {} }]) {
      const text = `{"version":7,"foreign":true,${JSON.stringify(members).slice(1)}`
      expect(reasonOf(text)?.length).toBeLessThan(2_000)
      expect(reasonOf(text)).not.toContain("xxx")
    }
    expect(reasonOf(`{"table":"events","row":{},"${long}":1}`)?.length).toBeLessThan(2_000)
  })
})
