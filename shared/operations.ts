/**
 * What operators ask for in their calls, and what they are told beside writes and dead letters.
 */
import { Schema, SchemaTransformation } from "effect"
import { SHARDS_MAX } from "./queue/shards.ts"

/** The most writes or dead letters that one answer shows. */
export const PAGE_MAX = 100

const Positive = Schema.Int.check(Schema.isGreaterThan(0))
const Position = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
/** A place among dead letters has the number of their list in front of nine digits. */
const Digits = Schema.String.check(Schema.isPattern(/^\d{1,13}$/)).pipe(
  Schema.decodeTo(Schema.Int, SchemaTransformation.numberFromString),
)

/** Which dead letters: with exactly this reason, with this text in the key, of exactly this table. */
const FILTER = {
  reason: Schema.optionalKey(Schema.String),
  key: Schema.optionalKey(Schema.String),
  table: Schema.optionalKey(Schema.String),
}

/** Which part of a list is asked for. */
export const Page = Schema.Struct({
  limit: Schema.optionalKey(Digits.check(Schema.isBetween({ minimum: 1, maximum: PAGE_MAX }))),
  /** `next` of the page before. */
  after: Schema.optionalKey(Digits),
  ...FILTER,
})

/** Versions of one selection: 16 KiB of body. */
export const VERSIONS_MAX = 1_000

/** Which dead letters to move: those of these versions, or the oldest ones of a filter. */
export const Selection = Schema.Union([
  Schema.Struct({
    versions: Schema.Array(Positive).check(Schema.isBetweenLength(1, VERSIONS_MAX)),
    after: Schema.optionalKey(Position),
  }),
  Schema.Struct({
    all: Schema.Literal(true),
    ...FILTER,
    /** The newest letter that takes part, as `newest` of an answer named it. */
    until: Schema.optionalKey(Schema.String),
    /** At most so many. */
    most: Schema.optionalKey(Positive),
    after: Schema.optionalKey(Position),
  }),
])

export type Selection = typeof Selection.Type

/** The depth of the queue as the operator saw it; `newest` is for the call that goes on: of several lists, of each. */
export const Confirmation = Schema.Struct({
  confirm: Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThan(0)),
  newest: Schema.optionalKey(
    Schema.Union([
      Positive,
      Schema.Array(Position).check(Schema.isBetweenLength(1, SHARDS_MAX + 1)),
    ]),
  ),
})

/** How many shards there are to be. */
export const Reshard = Schema.Struct({
  shards: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: SHARDS_MAX })),
})

/** Members of every answer that shows dead letters: how many stand, and which is the newest. */
export const Look = {
  total: Schema.Int,
  newest: Schema.NullOr(Schema.String),
  /** `after` of the call that goes on; null on the last page. */
  next: Schema.NullOr(Position),
}

/** How many died for each reason, the most frequent first. */
export const Reasons = Schema.Array(Schema.Struct({ reason: Schema.String, writes: Schema.Int }))

/** Members of every answer that moves dead letters. */
export const Moved = {
  /** Versions asked for, of which no letter was found. */
  missing: Schema.Array(Schema.Int),
  /** The body of the call that goes on; null when nothing is left to do. */
  next: Schema.NullOr(Selection),
}
