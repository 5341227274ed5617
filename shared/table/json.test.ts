import { Buffer } from "node:buffer"
import { describe, expect, test } from "vitest"
import { BEYOND, NOT_STORABLE, take } from "../testing/column.ts"
import { JSON_MAX_DEPTH, json } from "./column.ts"

describe("json", () => {
  test.each([
    ...["true", "0", '"text"', "[]", "{}", "[null]", '{"a":[{"b":null}]}'],
    ...["9007199254740991", "[5e-324]", '{"__proto__":{"a":1}}', '{"":""}', '["\\ud83d\\ude42"]'],
  ])("is anything: %s", (written) => {
    expect(take(json(), written)).toEqual({ as: JSON.parse(written) })
    expect(json().read(written)).toEqual(JSON.parse(written))
  })

  test.each([
    ["null", "is null"],
    ['"\\u0000"', NOT_STORABLE],
    ['[1,{"a":["\\u0000"]}]', NOT_STORABLE],
    ['{"a\\u0000":1}', NOT_STORABLE],
    ['[{"a":{"\\u0000":1}}]', NOT_STORABLE],
    ['{"a":"\\ud83d"}', NOT_STORABLE],
    ['{"a":{"\\ude42":1}}', NOT_STORABLE],
    ['{"__proto__":{"a":"\\u0000"}}', NOT_STORABLE],
    ["1e400", BEYOND],
    ["[[-1e400]]", BEYOND],
    ['{"a":9007199254740993}', BEYOND],
  ])("but not what another reader would see differently: %s", (written, flaw) => {
    expect(take(json(), written)).toBe(flaw)
  })

  test.each([
    ["arrays", (depth: number) => `${"[".repeat(depth)}0${"]".repeat(depth)}`],
    ["objects", (depth: number) => `${'{"a":'.repeat(depth)}0${"}".repeat(depth)}`],
    ["arrays, none within the last", (depth: number) => "[".repeat(depth) + "]".repeat(depth)],
    [
      "arrays beside others",
      (depth: number) => `${"[[],".repeat(depth - 1)}[]${"]".repeat(depth - 1)}`,
    ],
  ])(`is at most ${JSON_MAX_DEPTH} levels deep, of %s`, (_, nested) => {
    expect(JSON_MAX_DEPTH).toBe(64)
    expect(take(json(), nested(64))).toEqual({ as: JSON.parse(nested(64)) })
    for (const depth of [65, 66, 100_000]) {
      expect(take(json(), nested(depth))).toBe("is deeper than 64 levels")
    }
  })

  test("is as large as its text, in bytes, without white space", () => {
    for (const written of ['{ "a" : [ 1.50, "\\u00e9\\u20ac" ] }', '["\\u0001\\n"]', '"🙂"']) {
      const bytes = Buffer.byteLength(JSON.stringify(JSON.parse(written)))
      const column = json()
      expect(column.size(JSON.parse(written))).toBe(bytes)
      expect(take(column, written, bytes)).toEqual({ as: JSON.parse(written) })
      expect(take(column, written, bytes - 1)).toBe(`is over ${bytes - 1} bytes of UTF-8`)
    }
  })
})
