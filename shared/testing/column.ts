/** What a column makes of what a client writes. */
import { Schema } from "effect"
import { expect } from "vitest"
import type { Column } from "../table/column.ts"

export const UNLIMITED = Number.POSITIVE_INFINITY

export const NOT_STORABLE = "has U+0000 or a lone surrogate"
export const BEYOND = "has a number beyond 2^53, which JSON's readers change"

/** What becomes of a value that is written as this JSON: its one form, or why it is refused. */
export const take = (column: Column, written: string, valueMaxBytes = UNLIMITED) => {
  const value: unknown = JSON.parse(written)
  const flaw = column.flaw(value, valueMaxBytes)
  if (flaw !== null) return flaw
  const normal = column.normalize(value)
  // The one form has no other, and is what the schema for clients says.
  expect(column.flaw(normal, valueMaxBytes)).toBeNull()
  expect(column.normalize(normal)).toEqual(normal)
  expect(Schema.is(column.schema)(normal)).toBe(true)
  return { as: normal }
}
