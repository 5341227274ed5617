import { Result } from "effect"
import { describe, expect, test } from "vitest"
import {
  DEFAULT_TABLE,
  decodeDeadLetter,
  decodeItem,
  encodeDeadLetter,
  encodeWrite,
  type Item,
  makeItem,
  showItem,
  traceItem,
} from "./item.ts"
import { declareTables, TRACED, upsert } from "./table/table.ts"
import { TABLES } from "./tables.ts"
import { keyValue, rowOf } from "./testing/write.ts"
import { deletionOf, type Write } from "./write.ts"

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
const AT = "2026-11-22T10:00:00.000Z"

const WRITES: ReadonlyArray<Write> = [
  keyValue('a"b', "}\n🙂"),
  keyValue("trace", TRACE),
  rowOf(TABLES.events, { type: "click", payload: { trace: TRACE, table: TRACED }, at: AT }),
  deletionOf(DEFAULT_TABLE, "}}") as Write,
]

/** As the enqueue script puts a version in front. */
const splice = (encoded: string) => `{"version":7,${encoded.slice(1)}`
const failure = (text: string) =>
  Result.match(decodeItem(text), { onFailure: (is) => is, onSuccess: () => null })

describe("an item that carries its trace", () => {
  test.each(WRITES)("is the same write, with the trace beside it: %#", (write) => {
    const text = splice(traceItem(encodeWrite(write), TRACE))
    expect(Object.keys(JSON.parse(text))).toEqual(["version", "table", "row"])
    expect(decodeItem(text)).toEqual(Result.succeed(makeItem(7, write, TRACE)))
    expect(showItem(text)).toEqual(showItem(splice(encodeWrite(write))))
  })

  test.each(WRITES)("leaves the trace when it dies, and is replayed without: %#", (write) => {
    const dead = encodeDeadLetter(makeItem(7, write, TRACE), "a reason", null, AT)
    expect(dead).toEqual(encodeDeadLetter(makeItem(7, write), "a reason", null, AT))
    const read = Result.getOrThrow(decodeItem(decodeDeadLetter(dead).item)) as Item
    expect(read).toEqual(makeItem(7, write))
    expect(read).not.toHaveProperty("trace")
  })

  test("of a newer build waits in the lot of what it needs, and is shown without its trace", () => {
    for (const [members, lot] of [
      ['{"table":"orders_in_tests","row":{"id":1}}', "orders_in_tests"],
      ['{"key":"a","value":"b","ttl":7}', "key_values.ttl"],
    ] as const) {
      const text = splice(traceItem(members, TRACE))
      expect(failure(text)).toEqual({ version: 7, lot })
      expect(showItem(text)).toEqual(showItem(splice(members)))
    }
  })

  test("waits, whatever it writes, for a worker that knows its form: nothing of it is stored or buried", () => {
    // What a later build may write, and so what this one's form is to an older build.
    for (const write of WRITES) {
      const text = splice(traceItem(encodeWrite(write), TRACE.replace(/^00/, "01")))
      expect(failure(text)).toEqual({ version: 7, lot: TRACED })
    }
  })
})

describe("what only looks like a trace", () => {
  test.each([
    ["is a column of the row", `"trace":"${TRACE}","key":"a","value":"b"}`, "key_values.trace"],
    ["is not sampled", `"table":"${TRACED}","row":{"trace":"${TRACE.slice(0, -1)}0","key":"a"}}`],
    ["has a space", `"table":"${TRACED}", "row":{"trace":"${TRACE}","key":"a","value":"b"}}`],
    ["is not in front", `"table":"${TRACED}","row":{"key":"a","trace":"${TRACE}","value":"b"}}`],
  ])("%s: none", (_, members, lot = TRACED) => {
    expect(failure(`{"version":7,${members}`)).toEqual({ version: 7, lot })
  })

  test("is none where somebody pushed it past ingest", () => {
    const members = traceItem(encodeWrite(keyValue("a", "b")), TRACE).slice(1)
    for (const begin of ["{", '{"version":7,"foreign":true,', '{"version":7,"version":3,']) {
      expect(failure(begin + members)).toMatchObject({ reason: "/table is not one of the tables" })
    }
  })

  test("is no table: none may have its name", () => {
    const declaration = upsert({ key: "key", columns: TABLES.key_values.columns })
    expect(() => declareTables({ [TRACED]: declaration })).toThrow(/_traced is no table/)
  })
})
