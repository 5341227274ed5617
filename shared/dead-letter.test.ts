import { Result, Schema } from "effect"
import { describe, expect, test } from "vitest"
import {
  DEFAULT_TABLE,
  decodeDeadLetter,
  decodeItem,
  encodeDeadLetter,
  encodeWrite,
  makeItem,
} from "./item.ts"
import { DeadLetter } from "./shown.ts"
import { TABLES } from "./tables.ts"
import { keyValue, rowOf } from "./testing/write.ts"
import { deletionOf, type Write } from "./write.ts"

const AT = "2026-11-22T10:00:00.000Z"
const EVENT = { type: "click", payload: { a: [1, null], b: "é" }, at: AT }
const event = rowOf(TABLES.events, EVENT)
const deletion = deletionOf(DEFAULT_TABLE, 'a"b') as Write

/** As the enqueue script puts a version in front. */
const spliced = (version: number, write: Write) =>
  `{"version":${version},${encodeWrite(write).slice(1)}`

describe("a dead letter", () => {
  test("holds the write, the reason and the time", () => {
    const item = makeItem(7, keyValue("a", "b"))
    const letter = encodeDeadLetter(item, "SQLSTATE 22021", "22021", AT)
    expect(letter.startsWith('{"version":7,"key":')).toBe(true)
    expect(JSON.parse(letter)).toEqual({
      version: 7,
      key: "a",
      value: "b",
      reason: "SQLSTATE 22021",
      sqlstate: "22021",
      at: AT,
    })
  })

  test("of another table, and of a deletion, holds it as an item has it", () => {
    const end = { reason: "bad", sqlstate: null, at: AT }
    expect(JSON.parse(encodeDeadLetter(makeItem(7, event), "bad", null, AT))).toEqual({
      ...{ version: 7, table: "events", row: EVENT, ...end },
    })
    expect(JSON.parse(encodeDeadLetter(makeItem(7, deletion), "bad", null, AT))).toEqual({
      ...{ version: 7, table: "key_values", delete: 'a"b', ...end },
    })
  })

  test("of what is no write holds its text", () => {
    const unreadable = { version: 0, text: "no JSON", reason: "is not JSON" }
    expect(JSON.parse(encodeDeadLetter(unreadable, unreadable.reason, null, AT))).toEqual({
      version: 0,
      key: null,
      value: "no JSON",
      reason: "is not JSON",
      sqlstate: null,
      at: AT,
    })
  })

  /** The letter of what such an item is, after it was claimed. */
  const letterOf = (text: string) => {
    const dead = Result.match(decodeItem(text), {
      onSuccess: (item) => item,
      onFailure: (is) => is as Extract<typeof is, { text: string }>,
    })
    return encodeDeadLetter(dead, "bad", "23514", AT)
  }
  const decodeShown = Schema.decodeUnknownSync(DeadLetter, { onExcessProperty: "error" })

  test.each([
    [spliced(7, keyValue("a", "b")), { table: "key_values", key: "a", value: "b" }],
    [spliced(7, deletion), { table: "key_values", key: 'a"b', value: "", deleted: true }],
    [spliced(7, event), { table: "events", key: null, value: JSON.stringify(EVENT) }],
    ['{"version":7,"foreign":true,"unreadable":"x"}', { table: null, key: null }],
    ['{"version":7,"foreign":true,"key":"a"}', { table: null, key: null }],
    ['{"version":7,"foreign":true,"table":"orders_in_tests","row":{}}', { table: null, key: null }],
    ["junk", { table: null, key: null, value: "junk" }],
  ])("is replayed as the item that it was, and shown as what it was: %s", (text, shown) => {
    const decoded = decodeDeadLetter(letterOf(text))
    expect(decoded.item).toBe(text)
    expect(decoded.version).toBe(text === "junk" ? 0 : 7)
    const all = { value: text, ...shown, version: decoded.version }
    expect(decoded.shown).toEqual({ ...all, reason: "bad", sqlstate: "23514", at: AT })
    expect(decodeShown(decoded.shown)).toEqual(decoded.shown)
    // Replayed and dead again it is the same letter.
    expect(letterOf(decoded.item)).toBe(letterOf(text))
  })

  test("of a foreign write is replayed under the version that it was given", () => {
    const text = '{"version":7,"foreign":true, "value":"b","key":"a"}'
    expect(decodeDeadLetter(letterOf(text)).item).toBe('{"version":7,"key":"a","value":"b"}')
  })

  test("of an older build is shown and replayed as one of its table", () => {
    const end = `"reason":"bad","sqlstate":null,"at":"${AT}"}`
    const old = decodeDeadLetter(`{"version":7,"key":"a","value":"b",${end}`)
    expect(old.item).toBe('{"version":7,"key":"a","value":"b"}')
    expect(old.shown).toMatchObject({ table: "key_values", key: "a", value: "b", version: 7 })
    const unreadable = decodeDeadLetter(`{"version":7,"key":null,"value":"[]",${end}`)
    expect(unreadable.item).toBe("[]")
    expect(unreadable.shown).toMatchObject({ table: null, key: null, value: "[]" })
    for (const { shown } of [old, unreadable]) expect(decodeShown(shown)).toEqual(shown)
  })

  test("of a table that is declared no more is shown without a key, and replayed all the same", () => {
    const end = `"reason":"bad","sqlstate":null,"at":"${AT}"}`
    const row = decodeDeadLetter(`{"version":7,"table":"gone","row":{"id":1},${end}`)
    expect(row.item).toBe('{"version":7,"table":"gone","row":{"id":1}}')
    expect(row.shown).toMatchObject({ table: "gone", key: null, value: '{"id":1}' })
    const gone = decodeDeadLetter(`{"version":7,"table":"gone","delete":12,${end}`)
    expect(gone.item).toBe('{"version":7,"table":"gone","delete":12}')
    expect(gone.shown).toMatchObject({ table: "gone", key: "12", value: "", deleted: true })
    for (const { shown } of [row, gone]) expect(decodeShown(shown)).toEqual(shown)
  })
})
