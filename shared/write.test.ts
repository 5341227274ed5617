import { Result } from "effect"
import { describe, expect, test } from "vitest"
import { DEFAULT_TABLE } from "./item.ts"
import { keyValue } from "./testing/write.ts"
import { bodyMaxBytes, KEY_MAX_BYTES, makeDecodeWrite, parseKey } from "./write.ts"

const decode = makeDecodeWrite(DEFAULT_TABLE, 16)

/** The flaws as "pointer detail", or the write. */
const seen = (input: unknown) =>
  Result.match(decode(input), {
    onFailure: (flaws) => flaws.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()),
    onSuccess: (write) => write,
  })

const isKey = (key: string) => parseKey(DEFAULT_TABLE, key) !== null

describe("decodeWrite", () => {
  test("takes a key and a value, and no other member", () => {
    expect(seen({ key: "user:1", value: "John" })).toEqual(keyValue("user:1", "John"))
    expect(seen({ key: "__proto__", value: "" })).toEqual(keyValue("__proto__", ""))
    expect(seen({ key: "user:1", value: "John", version: 7, admin: true })).toEqual([
      "/version is no column",
      "/admin is no column",
    ])
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
    [
      "a member of another name",
      { key: "", valu: "" },
      ["/key is empty", "/value is missing", "/valu is no column"],
    ],
  ])("reports every flaw with its pointer: %s", (_, input, flaws) => {
    expect(seen(input)).toEqual(flaws)
  })

  test("never shows what it refuses", () => {
    const shown = JSON.stringify(seen({ key: `secret${"x".repeat(2_000)}`, value: "\0secret" }))
    expect(shown).not.toContain("secret")
    expect(seen({ key: "a", value: "b", ttl: "secret" })).toEqual(["/ttl is no column"])
  })

  test("points at members as RFC 6901 has it, also at those with ~ and / in their names", () => {
    const names = ["a/b", "a~b", "~1", "/", "~", "", "é\n", "__proto__"]
    const members = names.map((name) => `${JSON.stringify(name)}:1`)
    expect(seen(JSON.parse(`{"key":"a","value":"b",${members}}`))).toEqual([
      ...["/a~1b is no column", "/a~0b is no column", "/~01 is no column", "/~1 is no column"],
      ...["/~0 is no column", "/ is no column", "/é\n is no column", "/__proto__ is no column"],
    ])
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })

  test("names so many members that are no columns, and none whose name no column can have", () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`m${at}`, 1]))
    const found = seen({ ...many, key: "a", value: "b" })
    expect(found).toHaveLength(20)
    expect(seen({ ...many, value: "b" })).toHaveLength(21)
    const long = { ["x".repeat(63)]: 1, [`secret${"x".repeat(58)}`]: 1 }
    expect(seen({ key: "a", value: "b", ...long })).toEqual([
      `/${"x".repeat(63)} is no column`,
      "has a member whose name is too long for a column",
    ])
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

describe("parseKey", () => {
  test("has the bounds of a write's key", () => {
    for (const key of ["a", "a/b", "%2e", "...", " ", "🙂", "a".repeat(KEY_MAX_BYTES)]) {
      expect(parseKey(DEFAULT_TABLE, key)).toBe(key)
    }
    for (const key of ["", ".", "..", "a\0", "\udfff", "a".repeat(KEY_MAX_BYTES + 1)]) {
      expect(isKey(key)).toBe(false)
    }
  })
})
