import { Buffer } from "node:buffer"
import { describe, expect, test } from "vitest"
import { NOT_STORABLE, take, UNLIMITED } from "../testing/column.ts"
import {
  boolean,
  type Column,
  integer,
  json,
  nullable,
  number,
  text,
  timestamp,
  uuid,
} from "./column.ts"

describe("text", () => {
  test.each([
    ['""', { as: "" }],
    ['"\\ud83d\\ude42"', { as: "🙂" }],
    ['"\\u0001"', { as: "\u0001" }],
    ['"a\\u0000"', NOT_STORABLE],
    ['"\\ud83d"', NOT_STORABLE],
    ['"\\ude42\\ud83d"', NOT_STORABLE],
    ["7", "is not a string"],
    ["null", "is not a string"],
    ['["a"]', "is not a string"],
  ])("takes what PostgreSQL keeps as it is: %s", (written, taken) => {
    expect(take(text(), written)).toEqual(taken)
  })

  test("is as long in bytes as the lower of its limits", () => {
    for (const unit of ["a", "é", "€", "🙂"]) {
      const fits = unit.repeat(Math.floor(24 / Buffer.byteLength(unit)))
      for (const [column, limit] of [
        [text({ maxBytes: 24 }), UNLIMITED],
        [text({ maxBytes: 24 }), 100],
        [text({ maxBytes: 100 }), 24],
        [text(), 24],
      ] as const) {
        expect(take(column, JSON.stringify(fits), limit)).toEqual({ as: fits })
        expect(take(column, JSON.stringify(`${fits}a`), limit)).toBe("is over 24 bytes of UTF-8")
      }
    }
  })
})

describe("boolean", () => {
  test.each([
    ["true", { as: true }],
    ["false", { as: false }],
    ["1", "is not true or false"],
    ['"true"', "is not true or false"],
    ["null", "is not true or false"],
  ])("takes true and false alone: %s", (written, taken) => {
    expect(take(boolean(), written)).toEqual(taken)
  })

  test("is read as it was written", () => {
    expect([boolean().read("true"), boolean().read("false")]).toEqual([true, false])
  })
})

describe("uuid", () => {
  const SMALL = "0b9c1d2e-3f4a-5b6c-7d8e-9fa0b1c2d3e4"

  test("is the same in small letters and in capitals", () => {
    for (const written of [SMALL, SMALL.toUpperCase(), SMALL.replace("b9c", "B9C")]) {
      expect(take(uuid(), JSON.stringify(written))).toEqual({ as: SMALL })
    }
  })

  test.each([
    ["without hyphens", SMALL.replaceAll("-", "")],
    ["in braces", `{${SMALL}}`],
    ["as a URN", `urn:uuid:${SMALL}`],
    ["with a letter that is no digit", SMALL.replace("e4", "g4")],
    ["a digit short", SMALL.slice(1)],
    ["a digit long", `${SMALL}0`],
    ["with a line after it", `${SMALL}\n`],
    ["as a number", 7],
    ["as null", null],
  ])("is none %s", (_, value) => {
    expect(take(uuid(), JSON.stringify(value))).toBe("is not a UUID")
  })
})

const KINDS: ReadonlyArray<readonly [string, Column]> = [
  ["text", text({ maxBytes: 200 })],
  ["integer", integer({ min: 2, max: 1_000_000 })],
  ["number", number()],
  ["boolean", boolean()],
  ["uuid", uuid()],
  ["timestamp", timestamp()],
  ["json", json()],
]

describe("every kind", () => {
  test.each(KINDS)("may be nullable, and is the same otherwise: %s", (kind, column) => {
    const both = nullable(column)
    expect([column.isNullable, both.isNullable]).toEqual([false, true])
    expect([both.kind, both.sql, both.bounds]).toEqual([kind, column.sql, column.bounds])
    expect(column.flaw(null, UNLIMITED)).not.toBeNull()
    expect(take(both, "null")).toEqual({ as: null })
    expect([both.size(null), both.similar(null)]).toEqual([0, null])
    const sample = column.sample(3, 50)
    expect(take(both, JSON.stringify(sample))).toEqual({ as: sample })
    expect(both.size(sample)).toBe(column.size(sample))
    expect(both.flaw({ a: "\0" }, UNLIMITED)).toBe(column.flaw({ a: "\0" }, UNLIMITED))
  })

  test.each(KINDS)("has samples that are valid, another for each number: %s", (kind, column) => {
    const samples = [2, 3, 1_000].map((count) => column.sample(count, 100))
    for (const sample of samples) {
      expect(take(column, JSON.stringify(sample))).toEqual({ as: sample })
    }
    const texts = new Set(samples.map((sample) => JSON.stringify(sample)))
    expect(texts.size).toBe(kind === "boolean" ? 2 : 3)
  })

  test("has samples about as long as they are wanted, within its bounds", () => {
    expect(Buffer.byteLength(text().sample(7, 100))).toBe(100)
    expect(Buffer.byteLength(text({ maxBytes: 20 }).sample(7, 100))).toBe(20)
    expect(json().size(json().sample(7, 1_000))).toBeGreaterThan(950)
    expect(json().size(json().sample(7, 1_000))).toBeLessThan(1_050)
    expect(integer({ min: 5, max: 9 }).sample(1, 0)).toBe(5)
    expect(integer({ min: 5, max: 9 }).sample(10, 0)).toBe(9)
    expect(integer({ max: -1 }).sample(10, 0)).toBe(-1)
  })

  test("that can be a key has one like it, which is a valid one as well", () => {
    for (const [column, value] of [
      [text(), "user:1🙂"],
      [integer(), 7],
      [integer(), "9007199254740993"],
      [integer(), 9_007_199_254_740_991],
      [integer(), "9223372036854775807"],
      [uuid(), "0b9c1d2e-3f4a-5b6c-7d8e-9fa0b1c2d3e4"],
    ] as ReadonlyArray<readonly [Column, unknown]>) {
      const similar = column.similar(value)
      expect(similar).not.toEqual(value)
      expect(take(column, JSON.stringify(similar))).toEqual({ as: similar })
    }
  })
})
