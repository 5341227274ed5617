/**
 * Which of PostgreSQL's types hold a column as it is declared: every value of its kind, unchanged. Some hold
 * it only within bounds, which a declaration can have.
 */
import { KEY_MAX_BYTES } from "../write.ts"
import type { FoundColumn } from "./catalog.ts"
import type { Bounds, Column } from "./column.ts"

/** Of the narrower whole numbers, by pg_type's name. */
const RANGES: Readonly<Record<string, Required<Pick<Bounds, "min" | "max">>>> = {
  int4: { min: -(2 ** 31), max: 2 ** 31 - 1 },
  int2: { min: -(2 ** 15), max: 2 ** 15 - 1 },
}

/** The types that hold all of a kind, at least within some bounds. */
const TYPES: Readonly<Record<string, ReadonlyArray<string>>> = {
  text: ["text", "varchar", "citext"],
  integer: ["int8", "int4", "int2"],
  number: ["float8", "numeric"],
  boolean: ["bool"],
  timestamp: ["timestamptz"],
  json: ["jsonb", "json"],
  uuid: ["uuid"],
}

/** The kind of a column with this type; null when none fits. */
export const kindOf = ({ type, isRounded }: FoundColumn): string | null =>
  isRounded ? null : (Object.keys(TYPES).find((kind) => TYPES[kind]?.includes(type)) ?? null)

/** The bounds that a declaration needs for this type: a varchar has as many characters as it has bytes, or fewer. */
export const boundsOf = ({ type, length }: FoundColumn): Bounds =>
  length === null ? (RANGES[type] ?? {}) : { maxBytes: length }

const isWithin = (declared: Bounds, needed: Bounds): boolean =>
  (declared.maxBytes ?? Number.POSITIVE_INFINITY) <=
    (needed.maxBytes ?? Number.POSITIVE_INFINITY) &&
  (declared.min ?? Number.NEGATIVE_INFINITY) >= (needed.min ?? Number.NEGATIVE_INFINITY) &&
  (declared.max ?? Number.POSITIVE_INFINITY) <= (needed.max ?? Number.POSITIVE_INFINITY)

const words = (bounds: Bounds) =>
  Object.entries(bounds)
    .map(([name, value]) => `${name}: ${value}`)
    .join(", ")

/** Why a column does not hold what is declared, in words; null when it does. */
export const misfit = (column: Column, found: FoundColumn, isKey: boolean): string | null => {
  const { name, shown, isRounded } = found
  if (isRounded && column.kind === "number") return `the column ${name} is ${shown}, which rounds`
  if (kindOf(found) !== column.kind) return `the column ${name} is ${shown}, not ${column.sql}`
  if (isKey && (found.type === "citext" || !found.isExact)) {
    const what = found.type === "citext" ? "is citext" : "has a collation"
    return `the key ${name} ${what}, which takes different texts for one`
  }
  const { maxBytes = Number.POSITIVE_INFINITY } = column.bounds
  const declared = isKey ? Math.min(maxBytes, KEY_MAX_BYTES) : maxBytes
  const needed = boundsOf(found)
  return isWithin({ ...column.bounds, maxBytes: declared }, needed)
    ? null
    : `the column ${name} is ${shown}, not ${column.sql} (declared with ${words(needed)} it would do)`
}
