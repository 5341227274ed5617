/** The columns of numbers: to 2^53, beyond it, and what is none. */
import { describe, expect, test } from "vitest"
import { BEYOND, take, UNLIMITED } from "../testing/column.ts"
import { integer, json, number } from "./column.ts"

describe("integer", () => {
  test.each([
    ["0", 0],
    ["-0", 0],
    ["1e3", 1_000],
    ["1.0", 1],
    ["9007199254740991", 9_007_199_254_740_991],
    ["-9007199254740991", -9_007_199_254_740_991],
    ['"0"', 0],
    ['"-12"', -12],
    ['"9007199254740991"', 9_007_199_254_740_991],
    ['"9007199254740992"', "9007199254740992"],
    ['"9007199254740993"', "9007199254740993"],
    ['"-9007199254740993"', "-9007199254740993"],
    ['"9223372036854775807"', "9223372036854775807"],
    ['"-9223372036854775808"', "-9223372036854775808"],
  ])("has one form of %s, a string beyond 2^53", (written, as) => {
    expect(take(integer(), written)).toEqual({ as })
    // What PostgreSQL prints of it is read as the same.
    expect(integer().read(String(as))).toEqual(as)
  })

  const NEITHER = "is neither a whole number nor a string of its digits"
  const IN_DIGITS = "is beyond 2^53: send it as a string of digits"
  test.each([
    ["1.5", "is not a whole number"],
    ["1e400", "is not a whole number"],
    ["9007199254740992", IN_DIGITS],
    ["9007199254740993", IN_DIGITS],
    ["-9007199254740993", IN_DIGITS],
    ["1e300", IN_DIGITS],
    ['"9223372036854775808"', "is out of range"],
    ['"-9223372036854775809"', "is out of range"],
    ['"12345678901234567890"', NEITHER],
    ['"-0"', NEITHER],
    ['"007"', NEITHER],
    ['"+1"', NEITHER],
    ['"1.0"', NEITHER],
    ['"1e3"', NEITHER],
    ['" 1"', NEITHER],
    ['"1\\n"', NEITHER],
    ['"0x10"', NEITHER],
    ['""', NEITHER],
    ["true", NEITHER],
    ["null", NEITHER],
    ["[1]", NEITHER],
  ])("refuses %s", (written, flaw) => {
    expect(take(integer(), written)).toBe(flaw)
  })

  test("keeps the bounds of its declaration, as a number and as digits", () => {
    const column = integer({ min: -3, max: 5 })
    for (const inside of ["-3", "5", '"-3"', '"5"']) {
      expect(take(column, inside)).toEqual({ as: Number(JSON.parse(inside)) })
    }
    for (const outside of ["-4", "6", '"-4"', '"6"', '"9007199254740993"']) {
      expect(take(column, outside)).toBe("is out of range")
    }
    expect(take(integer({ min: 0 }), '"-9007199254740993"')).toBe("is out of range")
  })
})

describe("number", () => {
  test.each([
    ["0.1", 0.1],
    ["-0", 0],
    ["-0.0", 0],
    ["5e-324", 5e-324],
    ["1e-400", 0],
    ["9007199254740991", 9_007_199_254_740_991],
    ["-9007199254740991", -9_007_199_254_740_991],
  ])("takes %s", (written, as) => {
    expect(take(number(), written)).toEqual({ as })
    expect(number().read(String(as))).toEqual(as)
  })

  test.each([
    ["9007199254740992", BEYOND],
    ["9007199254740993", BEYOND],
    ["-1e300", BEYOND],
    ["1e400", BEYOND],
    ["-1e400", BEYOND],
    ['"1"', "is not a number"],
    ["true", "is not a number"],
    ["null", "is not a number"],
  ])("refuses %s", (written, flaw) => {
    expect(take(number(), written)).toBe(flaw)
  })

  test("is none where it is not a number, which JSON has no way to write", () => {
    expect(() => JSON.parse("NaN")).toThrow(SyntaxError)
    expect(number().flaw(Number.NaN, UNLIMITED)).toBe(BEYOND)
    expect(integer().flaw(Number.NaN, UNLIMITED)).toBe("is not a whole number")
    expect(json().flaw([Number.NaN], UNLIMITED)).toBe(BEYOND)
  })
})
