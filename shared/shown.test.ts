import { Schema } from "effect"
import { describe, expect, test } from "vitest"
import { DEFAULT_TABLE, encodeWrite, showItem } from "./item.ts"
import { Waiting } from "./shown.ts"
import { TABLES } from "./tables.ts"
import { keyValue, rowOf } from "./testing/write.ts"
import { deletionOf, type Write } from "./write.ts"

const ROW = { type: "click", payload: { a: [1, null], b: "é" }, at: "2026-11-22T10:00:00.000Z" }
const deletion = deletionOf(DEFAULT_TABLE, 'a"b') as Write

/** As the enqueue script puts a version in front. */
const spliced = (write: Write) => `{"version":7,${encodeWrite(write).slice(1)}`

describe("what operators see of an item", () => {
  const strict = Schema.decodeUnknownSync(Waiting, { onExcessProperty: "error" })
  const newer = '"key":"k","value":"v","note":1}'

  test.each([
    [spliced(keyValue("a", "b")), { table: "key_values", key: "a", value: "b" }],
    [spliced(deletion), { table: "key_values", key: 'a"b', value: "", deleted: true }],
    [
      spliced(rowOf(TABLES.events, ROW)),
      { table: "events", key: null, value: JSON.stringify(ROW) },
    ],
    // Of a newer build: a table, or a column, that this one does not know.
    [
      '{"version":7,"table":"orders_in_tests","row":{"id":1}}',
      { table: "orders_in_tests", key: null, value: '{"id":1}' },
    ],
    [
      '{"version":7,"table":"orders_in_tests","delete":1}',
      { table: "orders_in_tests", key: "1", value: "", deleted: true },
    ],
    [
      '{"version":7,"table":"events","row":{"type":"a","note":1}}',
      { table: "events", key: null, value: '{"type":"a","note":1}' },
    ],
    [`{"version":7,${newer}`, { table: "key_values", key: "k", value: `{${newer}` }],
    [
      '{"version":7,"table":"events","row":{}}',
      { unreadable: '{"version":7,"table":"events","row":{}}' },
    ],
    [
      '{"version":7,"foreign":true,"unreadable":"x"}',
      { unreadable: '{"version":7,"foreign":true,"unreadable":"x"}' },
    ],
  ])("is its table, its key if it has one, and its row: %s", (text, shown) => {
    expect(showItem(text)).toEqual({ version: 7, ...shown })
    expect(strict(showItem(text))).toEqual(showItem(text))
  })

  test("is its text when it is no write, and has no version yet", () => {
    expect(showItem("junk")).toEqual({ version: null, unreadable: "junk" })
    expect(strict(showItem("junk"))).toEqual(showItem("junk"))
  })
})
