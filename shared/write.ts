/**
 * What a write is: its schema and its identity. With `item.ts`, `table.ts` and a migration this is all that
 * names the fields of the table; everything else handles a `Write` whole.
 */
import { Result, Schema, SchemaIssue } from "effect"

/** In bytes of UTF-8. PostgreSQL refuses index rows of about 2,700 bytes; 1,024 leaves room. */
export const KEY_MAX_BYTES = 1_024

/** Every character of a JSON string may be written as \uXXXX: six bytes of body for one of text. */
const JSON_ESCAPE_FACTOR = 6

const encoder = new TextEncoder()

/** The length in bytes of UTF-8 is at most three times `length`, so short text is not encoded. */
const fits = (text: string, maxBytes: number) =>
  text.length * 3 <= maxBytes ||
  (text.length <= maxBytes && encoder.encode(text).length <= maxBytes)

/** PostgreSQL stores no U+0000, and drivers turn a lone surrogate into U+FFFD: two keys, one row. */
const storable = (text: string) => text.isWellFormed() && !text.includes("\0")

const Text = Schema.String.annotate({ message: "is not a string" }).check(
  Schema.makeFilter((text: string) => storable(text) || "has U+0000 or a lone surrogate"),
)

const Key = Text.check(
  Schema.makeFilter((key: string) => key !== "" || "is empty"),
  Schema.makeFilter(
    (key: string) => fits(key, KEY_MAX_BYTES) || `is over ${KEY_MAX_BYTES} bytes of UTF-8`,
  ),
  // URLs resolve both away, also as %2e, so that no GET could ever name the row.
  Schema.makeFilter((key: string) => (key !== "." && key !== "..") || 'is "." or ".."'),
)

const Value = (maxBytes: number) =>
  Text.check(
    Schema.makeFilter(
      (value: string) => fits(value, maxBytes) || `is over ${maxBytes} bytes of UTF-8`,
    ),
  )

/** The schema's answer without its reasons, ten times as fast: nearly every write is one. */
const isWrite = (input: unknown, valueMaxBytes: number): input is Write => {
  if (typeof input !== "object" || input === null) return false
  const { key, value } = input as { key?: unknown; value?: unknown }
  return (
    typeof key === "string" &&
    typeof value === "string" &&
    isKey(key) &&
    storable(value) &&
    fits(value, valueMaxBytes)
  )
}

/** A write with all its reasons; also what a client may send. */
export const Write = (valueMaxBytes: number) =>
  Schema.Struct({
    key: Key.pipe(Schema.annotateKey({ messageMissingKey: "is missing" })),
    value: Value(valueMaxBytes).pipe(Schema.annotateKey({ messageMissingKey: "is missing" })),
  }).annotate({ message: "is not an object" })

export type Write = ReturnType<typeof Write>["Type"]

/** One reason why something is not a write: a JSON pointer (RFC 6901) and words without the value. */
export const Flaw = Schema.Struct({ pointer: Schema.String, detail: Schema.String })

export type Flaw = typeof Flaw.Type

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const flaws = (issue: SchemaIssue.Issue): ReadonlyArray<Flaw> =>
  format(issue).issues.map(({ path, message }) => ({
    pointer: (path ?? []).map((step) => `/${String(step)}`).join(""),
    detail: message,
  }))

export type DecodeWrite = (input: unknown) => Result.Result<Write, ReadonlyArray<Flaw>>

/** The decoder of request bodies, built once. Other members of the object are ignored. */
export const makeDecodeWrite = (valueMaxBytes: number): DecodeWrite => {
  const decode = Schema.decodeUnknownResult(Write(valueMaxBytes), { errors: "all" })
  return (input) =>
    isWrite(input, valueMaxBytes)
      ? Result.succeed({ key: input.key, value: input.value })
      : Result.mapError(decode(input), ({ issue }) => flaws(issue))
}

/** The largest body a valid write can have, however it is escaped; the slack is for white space. */
export const bodyMaxBytes = (valueMaxBytes: number) =>
  JSON_ESCAPE_FACTOR * (valueMaxBytes + KEY_MAX_BYTES) + 1_024

/** A key as a reader may ask for it; the same bounds as in a write. */
export const isKey = (key: string): boolean =>
  key !== "" && key !== "." && key !== ".." && storable(key) && fits(key, KEY_MAX_BYTES)

/** What makes two writes writes of the same row; the primary key of the table. */
export const identity = (write: Write): string => write.key
