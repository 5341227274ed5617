/**
 * The kinds of columns that a table may have, each with its bounds: what a client may send for it, how
 * PostgreSQL holds it, and how a reader gets it back. What a kind accepts, PostgreSQL takes, and gives
 * back as the same JSON; one value has one form, so that equal values are equal texts.
 */
import { Buffer } from "node:buffer"
import { Schema } from "effect"

export interface Column<A = unknown> {
  /** What it is called in a declaration; `npm run table` prints it. */
  readonly kind: string
  /** The type of a column that a migration makes for it, and of the parameter in a statement. */
  readonly sql: string
  readonly isNullable: boolean
  /** Its bounds, where the declaration gives any. */
  readonly bounds: Bounds
  /** Why the value, which is JSON, cannot be stored, in words without the value; null when it can. */
  readonly flaw: (value: unknown, valueMaxBytes: number) => string | null
  /** The one form of a value that has no flaw. */
  readonly normalize: (value: unknown) => A
  /** Text that PostgreSQL reads as a value of the type. */
  toText(value: A): string
  /** Bytes of UTF-8 that count for VALUE_MAX_BYTES. */
  size(value: A): number
  /** What a reader selects for the column, whose name is quoted already; text where a driver would guess. */
  readonly select: (quoted: string) => string
  /** What was selected, as JSON; a null is not asked for. */
  readonly read: (selected: string) => A
  /** The type of a valid value, for those who write a client. */
  readonly schema: Schema.Codec<A>
  /** A valid value, another one for each number; about `bytes` long where it may be. */
  readonly sample: (number: number, bytes: number) => A
  /** Of a key: one like it, which hardly any row has. */
  similar(value: A): A
}

export interface Bounds {
  readonly maxBytes?: number
  readonly min?: number
  readonly max?: number
}

const same = (value: unknown) => value as never

const REQUIRED = {
  isNullable: false,
  bounds: {},
  toText: String,
  size: () => 0,
  select: (quoted: string) => `${quoted}::text`,
  similar: same,
} as const

/** PostgreSQL stores no U+0000, and drivers turn a lone surrogate into U+FFFD: two texts, one row. */
export const isStorable = (text: string) => text.isWellFormed() && !text.includes("\0")

const NOT_STORABLE = "has U+0000 or a lone surrogate"

/** A unit of UTF-16 is at most three bytes of UTF-8, so short text is not counted. */
export const textFits = (text: string, maxBytes: number): boolean =>
  text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes

/** Of at most `maxBytes` bytes of UTF-8, and never more than VALUE_MAX_BYTES. */
export const text = (bounds: Pick<Bounds, "maxBytes"> = {}): Column<string> => {
  const { maxBytes = Number.POSITIVE_INFINITY } = bounds
  return {
    ...REQUIRED,
    ...{ kind: "text", sql: "text", bounds, schema: Schema.String },
    flaw: (value, valueMaxBytes) => {
      if (typeof value !== "string") return "is not a string"
      if (!isStorable(value)) return NOT_STORABLE
      const most = Math.min(maxBytes, valueMaxBytes)
      return textFits(value, most) ? null : `is over ${most} bytes of UTF-8`
    },
    normalize: same,
    size: Buffer.byteLength,
    select: (quoted) => quoted,
    read: same,
    similar: (value) => value + ([...value].at(-1) ?? "").repeat(2),
    sample: (number, bytes) => `${number} `.padEnd(Math.min(bytes, maxBytes), "x"),
  }
}

/** Digits of a whole number, as PostgreSQL prints them. */
const DIGITS = /^(0|-?[1-9]\d{0,18})$/
const BIGINT_MAX = 2n ** 63n - 1n

/**
 * A whole number. One beyond 2^53 has to be sent as a string of digits, and is given back as one: JSON's
 * numbers lose digits there.
 */
export const integer = (bounds: Pick<Bounds, "min" | "max"> = {}): Column<number | string> => {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = bounds
  const one = (digits: string) => (Number.isSafeInteger(Number(digits)) ? Number(digits) : digits)
  return {
    ...REQUIRED,
    ...{ kind: "integer", sql: "bigint", bounds },
    schema: Schema.Union([Schema.Int, Schema.String]),
    flaw: (value) => {
      if (typeof value === "number") {
        if (!Number.isInteger(value)) return "is not a whole number"
        if (!Number.isSafeInteger(value)) return "is beyond 2^53: send it as a string of digits"
        return value < min || value > max ? "is out of range" : null
      }
      if (typeof value !== "string" || !DIGITS.test(value)) {
        return "is neither a whole number nor a string of its digits"
      }
      const exact = BigInt(value)
      const isOut = exact > BIGINT_MAX || exact < -BIGINT_MAX - 1n
      return isOut || Number(value) < min || Number(value) > max ? "is out of range" : null
    },
    // Minus zero is zero in JSON.
    normalize: (value) => one(String(value)),
    read: one,
    // The highest is followed by the lowest.
    similar: (value) => one(String(BigInt.asIntN(64, BigInt(value) + 1n))),
    sample: (number) => Math.max(min, Math.min(max, number)),
  }
}

const BEYOND = "has a number beyond 2^53, which JSON's readers change"

/** A number as IEEE 754 has it, up to 2^53; of decimals as many digits as a double keeps. */
export const number = (): Column<number> => ({
  ...REQUIRED,
  ...{ kind: "number", sql: "double precision", schema: Schema.Finite },
  flaw: (value) => {
    if (typeof value !== "number") return "is not a number"
    return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? null : BEYOND
  },
  normalize: (value) => (value as number) + 0,
  read: Number,
  sample: (number) => number + 0.5,
})

export const boolean = (): Column<boolean> => ({
  ...REQUIRED,
  ...{ kind: "boolean", sql: "boolean", schema: Schema.Boolean },
  flaw: (value) => (typeof value === "boolean" ? null : "is not true or false"),
  normalize: same,
  read: (selected) => selected === "true",
  sample: (number) => number % 2 === 1,
})

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** In the form with hyphens; given back in small letters. */
export const uuid = (): Column<string> => ({
  ...REQUIRED,
  ...{ kind: "uuid", sql: "uuid", schema: Schema.String },
  flaw: (value) => (typeof value === "string" && UUID.test(value) ? null : "is not a UUID"),
  normalize: (value) => (value as string).toLowerCase(),
  read: same,
  similar: () => crypto.randomUUID(),
  sample: (number) => `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`,
})

const MOMENT =
  /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3])(:[0-5]\d:[0-5]\d)(?:\.(\d{1,6}))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/

/** As moments are given back; every month has its first 28 days. */
const GIVEN_BACK =
  /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

/** The moment in UTC with three digits after the second, or six where it has them; null when it is none. */
const momentOf = (value: unknown): string | null => {
  if (typeof value !== "string") return null
  if (GIVEN_BACK.test(value)) return value
  const parts = MOMENT.exec(value)
  if (!parts) return null
  const [, day = "", hour = "", rest = "", fraction = "", zone = ""] = parts
  // A day that its month does not have is moved into the next month.
  if (!new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day)) return null
  const micros = fraction.padEnd(6, "0")
  const moment = new Date(`${day}T${hour}${rest}.${micros.slice(0, 3)}${zone}`).toJSON()
  // PostgreSQL has no year 0; more than four digits need a sign in ISO 8601.
  if (!moment || !/^(?!0000)\d{4}-/.test(moment)) return null
  return micros.endsWith("000") ? moment : `${moment.slice(0, -1)}${micros.slice(3)}Z`
}

/** A moment in ISO 8601 with its distance from UTC, to the microsecond; given back in UTC. */
export const timestamp = (): Column<string> => ({
  ...REQUIRED,
  ...{ kind: "timestamp", sql: "timestamptz", schema: Schema.String },
  flaw: (value) =>
    momentOf(value) === null ? "is not a moment such as 2026-11-25T10:00:00Z" : null,
  normalize: (value) => momentOf(value) ?? "",
  // As JSON has it: no setting of the session changes that form.
  select: (quoted) => `to_json(${quoted} at time zone 'UTC') #>> '{}'`,
  read: (selected) => momentOf(`${selected}Z`) ?? selected,
  sample: (number) => new Date(Date.UTC(2026, 0, 1) + number * 1_000).toJSON(),
})

/** How deep JSON may be: far below what PostgreSQL's and anybody's parser takes. */
export const JSON_MAX_DEPTH = 64

const jsonFlaw = (value: unknown, depth = 1): string | null => {
  if (typeof value === "string") return isStorable(value) ? null : NOT_STORABLE
  if (typeof value === "number") return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? null : BEYOND
  if (typeof value !== "object" || value === null) return null
  if (depth > JSON_MAX_DEPTH) return `is deeper than ${JSON_MAX_DEPTH} levels`
  for (const [name, member] of Object.entries(value)) {
    const flaw = isStorable(name) ? jsonFlaw(member, depth + 1) : NOT_STORABLE
    if (flaw !== null) return flaw
  }
  return null
}

/** Any JSON but null, which is no value at all; its text counts for VALUE_MAX_BYTES. */
export const json = (): Column<Schema.Json> => ({
  ...REQUIRED,
  ...{ kind: "json", sql: "jsonb", schema: Schema.Json },
  flaw: (value, valueMaxBytes) => {
    if (value === null) return "is null"
    const flaw = jsonFlaw(value)
    if (flaw !== null || valueMaxBytes === Number.POSITIVE_INFINITY) return flaw
    return textFits(JSON.stringify(value), valueMaxBytes)
      ? null
      : `is over ${valueMaxBytes} bytes of UTF-8`
  },
  normalize: same,
  toText: JSON.stringify as (value: unknown) => string,
  size: (value) => Buffer.byteLength(JSON.stringify(value)),
  read: JSON.parse,
  sample: (number, bytes) => ({ number, filler: "x".repeat(Math.max(0, bytes - 40)) }),
})

/** May be null, which is the same as to be left out. */
export const nullable = <A>(column: Column<A>): Column<A | null> => ({
  ...column,
  isNullable: true,
  flaw: (value, valueMaxBytes) => (value === null ? null : column.flaw(value, valueMaxBytes)),
  normalize: (value) => (value === null ? null : column.normalize(value)),
  size: (value) => (value === null ? 0 : column.size(value)),
  similar: (value) => (value === null ? null : column.similar(value)),
  sample: column.sample,
  schema: Schema.NullOr(column.schema),
})
