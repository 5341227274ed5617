/**
 * An item: a write with its version, as the queue has it; what is none, and the dead letter that either
 * becomes when PostgreSQL can never store it. All of them are JSON text in Redis.
 */
import { Result, Schema } from "effect"
import { makeDecodeWrite, Write } from "./write.ts"

/** A write as it waits in the queue. */
export interface Item {
  readonly version: number
  readonly write: Write
}

/** An item that is no write: somebody else's push onto the list. It ends in the dead letters. */
export interface Unreadable {
  readonly version: number
  readonly text: string
  readonly reason: string
}

/** A write that waits, as operators see it. */
export const Waiting = Schema.Union([
  Schema.Struct({ version: Schema.Int, ...Write(Number.POSITIVE_INFINITY).fields }),
  Schema.Struct({ version: Schema.NullOr(Schema.Int), unreadable: Schema.String }),
])

/** A dead letter, as operators see it. What was no write has no key, and its text for a value. */
export const DeadLetter = Schema.Struct({
  version: Schema.Int,
  key: Schema.NullOr(Schema.String),
  value: Schema.String,
  reason: Schema.String,
  sqlstate: Schema.NullOr(Schema.String),
  /** When it died, in ISO 8601. */
  at: Schema.String,
})

type DeadLetter = typeof DeadLetter.Type

/** Begins with `{"key":`, so that the enqueue script can splice a version in front of it. */
export const encodeWrite = (write: Write): string =>
  JSON.stringify({ key: write.key, value: write.value })

const VERSION_PREFIX = /^\{"version":(\d{1,16}),/

/** A write that was accepted is not refused later for its size: only what PostgreSQL refuses. */
const decodeQueued = makeDecodeWrite(Number.POSITIVE_INFINITY)

/** Reads an item of the queue. The version is the prefix alone: a member of that name is ignored. */
export const decodeItem = (text: string): Result.Result<Item, Unreadable> => {
  const prefix = VERSION_PREFIX.exec(text)
  const version = Number(prefix?.[1] ?? 0)
  let body: unknown
  try {
    body = JSON.parse(prefix ? `{${text.slice(prefix[0].length)}` : text)
  } catch {
    return Result.fail({ version, text, reason: "is not JSON" })
  }
  return Result.mapBoth(decodeQueued(body), {
    onFailure: (found) => ({
      version,
      text,
      reason: found.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()).join(", "),
    }),
    onSuccess: (write) => ({ version, write }),
  })
}

/** The dead letter of an item, as JSON: what it was, why it died, and when (ISO 8601). */
export const encodeDeadLetter = (
  dead: Item | Unreadable,
  reason: string,
  sqlstate: string | null,
  at: string,
): string => {
  const write = "write" in dead ? dead.write : { key: null, value: dead.text }
  return JSON.stringify({ version: dead.version, ...write, reason, sqlstate, at })
}

/** A dead letter, decoded: what operators see of it, and the item that a replay puts back. */
export const decodeDeadLetter = (letter: string) => {
  const { version, key, value, reason, sqlstate, at } = JSON.parse(letter) as DeadLetter
  // What was no write is kept whole in the place of the value.
  const item =
    key === null ? value : `{"version":${version},${encodeWrite({ key, value }).slice(1)}`
  return { shown: { version, key, value, reason, sqlstate, at }, version, item }
}
