/**
 * What the headers of answers say beside the bodies, as part of the contract. Which a call's own answers have
 * stands with the call; which a problem has stands here. Tests hold every answer to it.
 */
import type { ProblemName } from "./answer.ts"

const HEADERS = {
  Accept: "The media types that this call takes.",
  "Accept-Encoding": "The content codings that this call takes.",
  Allow: "The methods that there are at this path.",
  "Cache-Control":
    "no-store; no-cache where there is something to validate, or that rarely changes.",
  ETag: "The version of the row in quotes, for If-None-Match.",
  "Idempotency-Replayed": "true: the request had been answered before; nothing was done again.",
  Location: "Where the reader has the row, at this version or a later one.",
  "Preference-Applied":
    "What of Prefer was done; without wait in it nothing is known of the commit.",
  "Retry-After": "After how many seconds to repeat the request.",
  "WWW-Authenticate": "Which kind of token is needed.",
} as const

export type HeaderName = keyof typeof HEADERS

/** Those that answers of a kind have: each of them, or (false) only some. */
export type AnswerHeaders = Readonly<Partial<Record<HeaderName, boolean>>>

const COMMON: AnswerHeaders = { "Cache-Control": true }

const RETRY: AnswerHeaders = { "Retry-After": true }

const OF_PROBLEMS: Readonly<Partial<Record<ProblemName, AnswerHeaders>>> = {
  unauthorized: { "WWW-Authenticate": true },
  "method-not-allowed": { Allow: true },
  "unsupported-media-type": { Accept: true },
  "unsupported-encoding": { "Accept-Encoding": true },
  // That a row was deleted by the version that was waited for.
  "no-such-key": { "Preference-Applied": false },
  "version-not-reached": RETRY,
  "queue-full": RETRY,
  "queue-unavailable": RETRY,
  "outcome-unknown": RETRY,
  "statistics-unavailable": RETRY,
  "too-many-watchers": RETRY,
  "database-unavailable": { "Retry-After": false },
  stopping: RETRY,
}

export const problemHeaders = (name: ProblemName): AnswerHeaders => ({
  ...COMMON,
  ...OF_PROBLEMS[name],
})

/** `own` are those that the call says. */
export const answerHeaders = (own: AnswerHeaders = {}): AnswerHeaders => ({ ...COMMON, ...own })

export const HEADER_NAMES = Object.keys(HEADERS) as ReadonlyArray<HeaderName>

/** Of answers with one status and several kinds, as OpenAPI says it: required is what each kind has. */
export const describeHeaders = (kinds: ReadonlyArray<AnswerHeaders>) =>
  Object.fromEntries(
    HEADER_NAMES.filter((name) => kinds.some((kind) => name in kind)).map((name) => [
      name,
      {
        description: HEADERS[name],
        required: kinds.every((kind) => kind[name] === true),
        schema: { type: name === "Retry-After" ? "integer" : "string" },
      },
    ]),
  )
