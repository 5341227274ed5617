import { Result } from "effect"
import { describe, expect, test } from "vitest"
import { decodeItem, encodeDeadLetter, encodeWrite } from "./item.ts"
import { bodyMaxBytes, identity, isKey, KEY_MAX_BYTES, makeDecodeWrite } from "./write.ts"

const decode = makeDecodeWrite(16)

/** The flaws as "pointer detail", or the write. */
const seen = (input: unknown) =>
  Result.match(decode(input), {
    onFailure: (flaws) => flaws.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()),
    onSuccess: (write) => write,
  })

describe("decodeWrite", () => {
  test("takes a key and a value, and ignores other members", () => {
    expect(seen({ key: "user:1", value: "John", version: 7, admin: true })).toEqual({
      key: "user:1",
      value: "John",
    })
    expect(seen({ key: "__proto__", value: "" })).toEqual({ key: "__proto__", value: "" })
  })

  test.each([
    ["not an object", "text", ["is not an object"]],
    ["null", null, ["is not an object"]],
    ["a number", 7, ["is not an object"]],
    ["nothing", {}, ["/key is missing", "/value is missing"]],
    ["an array", [], ["is not an object"]],
    ["other types", { key: 7, value: null }, ["/key is not a string", "/value is not a string"]],
    ["an empty key", { key: "", value: "" }, ["/key is empty"]],
    ["a dot", { key: ".", value: "" }, ['/key is "." or ".."']],
    ["two dots", { key: "..", value: "" }, ['/key is "." or ".."']],
    [
      "what PostgreSQL does not store",
      { key: "a\0", value: "\ud800" },
      ["/key has U+0000 or a lone surrogate", "/value has U+0000 or a lone surrogate"],
    ],
    ["a long value", { key: "a", value: "é".repeat(9) }, ["/value is over 16 bytes of UTF-8"]],
  ])("reports every flaw with its pointer: %s", (_, input, flaws) => {
    expect(seen(input)).toEqual(flaws)
  })

  test("never shows what it refuses", () => {
    const shown = JSON.stringify(seen({ key: `secret${"x".repeat(2_000)}`, value: "\0secret" }))
    expect(shown).not.toContain("secret")
  })

  test("counts bytes of UTF-8, to the last one", () => {
    for (const [unit, bytes] of [
      ["a", 1],
      ["é", 2],
      ["€", 3],
      ["🙂", 4],
    ] as const) {
      const most = KEY_MAX_BYTES / bytes
      expect(isKey(unit.repeat(most))).toBe(KEY_MAX_BYTES % bytes === 0 || bytes === 3)
      expect(isKey(`${unit.repeat(most)}${"a".repeat(bytes)}`)).toBe(false)
      expect(Result.isSuccess(decode({ key: "a", value: unit.repeat(16 / bytes) }))).toBe(true)
      expect(Result.isSuccess(decode({ key: "a", value: unit.repeat(16 / bytes + 1) }))).toBe(false)
    }
  })

  test("the largest write fits into the largest body, however it is escaped", () => {
    const escaped = (length: number) => "\\u0041".repeat(length)
    const body = `{ "key": "${escaped(KEY_MAX_BYTES)}", "value": "${escaped(16)}" }`
    expect(Result.isSuccess(decode(JSON.parse(body)))).toBe(true)
    expect(body.length).toBeLessThanOrEqual(bodyMaxBytes(16))
  })
})

describe("isKey", () => {
  test("has the bounds of a write's key", () => {
    for (const key of ["a", "a/b", "%2e", "...", " ", "🙂", "a".repeat(KEY_MAX_BYTES)]) {
      expect(isKey(key)).toBe(true)
    }
    for (const key of ["", ".", "..", "a\0", "\udfff", "a".repeat(KEY_MAX_BYTES + 1)]) {
      expect(isKey(key)).toBe(false)
    }
  })
})

describe("an item of the queue", () => {
  const write = { key: 'a"b', value: "}\n🙂" }

  test("is a write with a version spliced in front", () => {
    const encoded = encodeWrite(write)
    expect(encoded.startsWith('{"key":')).toBe(true)
    const item = decodeItem(`{"version":1795327495123456,${encoded.slice(1)}`)
    expect(item).toEqual(Result.succeed({ version: 1_795_327_495_123_456, write }))
    expect(identity(write)).toBe('a"b')
  })

  test("takes its version from the prefix, whatever else says version", () => {
    const text = '{"version":7,"version":99,"key":"a","value":"b"}'
    expect(decodeItem(text)).toEqual(
      Result.succeed({ version: 7, write: { key: "a", value: "b" } }),
    )
  })

  test("is not refused for the size of its value, which was accepted once", () => {
    const value = "x".repeat(5_000_000)
    expect(Result.isSuccess(decodeItem(`{"version":1,"key":"a","value":"${value}"}`))).toBe(true)
  })

  test.each([
    ["no JSON", 0, "is not JSON"],
    ['{"version":7,', 7, "is not JSON"],
    ['{"version":7,}', 7, "/key is missing, /value is missing"],
    ['{"version":7,"unreadable":"x"}', 7, "/key is missing, /value is missing"],
    ['{"version":7,"key":"a","value":"\\u0000"}', 7, "/value has U+0000 or a lone surrogate"],
    ['{"key":"a"}', 0, "/value is missing"],
    ["[]", 0, "is not an object"],
    ["null", 0, "is not an object"],
    ["", 0, "is not JSON"],
  ])("that is no write says so: %s", (text, version, reason) => {
    expect(decodeItem(text)).toEqual(Result.fail({ version, text, reason }))
  })
})

describe("a dead letter", () => {
  const at = "2026-11-22T10:00:00.000Z"

  test("holds the write, the reason and the time", () => {
    const item = { version: 7, write: { key: "a", value: "b" } }
    const letter = encodeDeadLetter(item, "SQLSTATE 22021", "22021", at)
    expect(letter.startsWith('{"version":7,"key":')).toBe(true)
    expect(JSON.parse(letter)).toEqual({
      version: 7,
      key: "a",
      value: "b",
      reason: "SQLSTATE 22021",
      sqlstate: "22021",
      at,
    })
  })

  test("of what is no write holds its text", () => {
    const unreadable = { version: 0, text: "no JSON", reason: "is not JSON" }
    expect(JSON.parse(encodeDeadLetter(unreadable, unreadable.reason, null, at))).toEqual({
      version: 0,
      key: null,
      value: "no JSON",
      reason: "is not JSON",
      sqlstate: null,
      at,
    })
  })
})
