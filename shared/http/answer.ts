/**
 * What answers look like. One that is no success is `application/problem+json` (RFC 9457) with
 * `"success":false`. Its `type` is what a program tells problems apart by, above all whether a write may have happened. No
 * problem holds a value, a host or a stack: `detail` is words of ours, and what failed goes to the log.
 */
import { Schema } from "effect"
import type { Context, Hono } from "hono"
import type { Flaw } from "../write.ts"
import { makePatternOf, methodsAt, type Routes } from "./route.ts"

/** What a call answers, by status: the schema of its JSON, the media type of what is no JSON, or no body. */
export type Answers = Readonly<Record<number, Schema.Top | string | null>>

/** What every success says, and the members of this one. */
export const success = <F extends Schema.Struct.Fields>(members: F) =>
  Schema.Struct({ success: Schema.Literal(true), ...members })

type Json<S> = S extends Schema.Top ? S["Encoded"] : never

/** In lower case, as those that every answer has. */
type ExtraHeaders = Readonly<Record<string, string>>

/** Each status of a call with the JSON that it has. */
type Answered<A extends Answers> = {
  [S in keyof A]: [status: S & number, body: Json<A[S]>, headers?: ExtraHeaders]
}[keyof A]

/** Success and failure alike are about this moment only. */
const JSON_HEADERS = { "content-type": "application/json", "cache-control": "no-store" }

const PROBLEM_HEADERS = { ...JSON_HEADERS, "content-type": "application/problem+json" }

/** `type` is "/problems/" and the name. Status, title, and a detail where the caller has no better. */
const PROBLEMS = {
  "bad-request": [400, "Bad request", "This is not an HTTP request as RFC 9112 has it."],
  "malformed-body": [400, "Malformed body", "The body is not JSON in UTF-8."],
  "malformed-key": [400, "Malformed key", "A key in the URL is not one that a write could have."],
  "malformed-idempotency-key": [
    400,
    "Malformed idempotency key",
    "An Idempotency-Key has 1 to 255 characters of visible ASCII.",
  ],
  unauthorized: [401, "Unauthorized", "This call needs a bearer token."],
  "not-found": [404, "Not found", "There is nothing at this path."],
  "no-such-key": [404, "No such key", "No write of this key has been applied, or it was deleted."],
  "no-such-table": [404, "No such table", "The buffer has no table of this name."],
  "operations-off": [
    404,
    "Operations are off",
    "This call is off: the service was started without ADMIN_TOKEN.",
  ],
  "method-not-allowed": [405, "Method not allowed", "The header Allow names the methods."],
  "request-timeout": [408, "Request timeout", "The request was not complete in time."],
  "depth-changed": [409, "Depth changed", "Look at the queue again and confirm its depth now."],
  "dead-letters-changed": [
    409,
    "Dead letters changed",
    "The newest one that you saw is gone: somebody else is at work. Look at them again.",
  ],
  "shards-changing": [
    409,
    "Shards are changing",
    "Another change of the shards is under way, or broke off: do that one again first.",
  ],
  "shards-unseeded": [
    409,
    "Shards have no worker yet",
    "Writes wait that no worker has looked at: start a worker first. Nothing was changed.",
  ],
  "version-not-reached": [
    412,
    "Version not reached",
    "The row is not at min_version yet; version says where it is. Prefer: wait=N waits for it.",
  ],
  "body-too-large": [413, "Body too large", "No valid write has a body of this size."],
  "too-many-writes": [413, "Too many writes", "Send at most 10,000 writes in one call."],
  "unsupported-media-type": [415, "Unsupported media type", "Send application/json in UTF-8."],
  "unsupported-encoding": [415, "Unsupported content encoding", "Send the body uncompressed."],
  "expectation-failed": [417, "Expectation failed", "Of Expect only 100-continue is known."],
  "invalid-request": [
    422,
    "Invalid request",
    "The request is well formed, but not one of this call.",
  ],
  "invalid-write": [422, "Invalid write", "The body is JSON, but not a write; errors says why."],
  "write-refused": [
    422,
    "Write refused",
    "PostgreSQL can never store it; it stands among the dead letters.",
  ],
  "idempotency-conflict": [
    422,
    "Idempotency key in use",
    "Another request had this Idempotency-Key. Nothing was queued.",
  ],
  "headers-too-large": [431, "Headers too large", "The request's headers are over 16 KiB."],
  "internal-error": [500, "Internal error", "The log of the service has the reason."],
  "queue-full": [503, "Queue full", "The write was not queued. Repeat it after Retry-After."],
  "queue-unavailable": [503, "Queue unavailable", "The write was not queued. Repeat it."],
  "outcome-unknown": [
    503,
    "Outcome unknown",
    "The write may have been queued: the reply was lost. Repeat it, which is harmless.",
  ],
  "statistics-unavailable": [503, "Statistics unavailable", "The queue does not answer."],
  "too-many-watchers": [503, "Too many watchers", "As many as may be look on already."],
  "shard-unavailable": [
    503,
    "Shard unavailable",
    "A shard does not answer. All is as before, or writes wait for the change: do it again with the same number.",
  ],
  "page-unavailable": [
    503,
    "Page unavailable",
    "Its files cannot be read; on Deno, see services/README.md.",
  ],
  "database-unavailable": [503, "Database unavailable", "Whether the key exists is not known."],
  stopping: [
    503,
    "Stopping",
    "This process is about to end. Nothing was done; repeat the request.",
  ],
} as const satisfies Record<string, readonly [number, string, string]>

export type ProblemName = keyof typeof PROBLEMS

export interface ProblemOptions {
  readonly detail?: string
  readonly retryAfterSeconds?: number
  readonly errors?: ReadonlyArray<Flaw>
  /** What a program reads beside the words. */
  readonly members?: Readonly<Record<string, number | null | ReadonlyArray<readonly number[]>>>
  readonly headers?: ExtraHeaders
}

/** Why a path may be none: what it names has a slash that was not encoded. */
export const ENCODE_HINT =
  "A key is one segment of the path: encode it with encodeURIComponent (/ is %2F)."

/** Status, headers and body of a problem, for who has no Response (a broken connection). */
export const problemParts = (name: ProblemName, options: ProblemOptions = {}) => {
  const [status, title, detail] = PROBLEMS[name]
  const { retryAfterSeconds, errors } = options
  const headers: Record<string, string> = {
    ...PROBLEM_HEADERS,
    ...(retryAfterSeconds !== undefined && { "retry-after": String(retryAfterSeconds) }),
    ...options.headers,
  }
  const type = `/problems/${name}`
  const members = {
    ...{ success: false, type, title, status, detail: options.detail ?? detail },
    ...options.members,
    ...(errors && { errors }),
  }
  return { status, headers, body: JSON.stringify(members) }
}

/**
 * An answer that is no problem, to a call of the contract: the compiler, and nothing else, compares the
 * two. A plain object of headers spares node-server a Headers per answer.
 */
export const answer: <C extends { readonly answers: Answers }>(
  ...statusBodyAndHeaders: Answered<C["answers"]>
) => Response = (status: number, body: unknown, headers?: ExtraHeaders) =>
  new Response(JSON.stringify(body), {
    status,
    headers: headers ? { ...JSON_HEADERS, ...headers } : JSON_HEADERS,
  })

/** The client has what it asks for, as a tag among these headers says. */
export const notModified = (headers: ExtraHeaders): Response =>
  new Response(null, { status: 304, headers })

/** An answer whose status only shows with what became of a write: the compiler cannot compare it, tests do. */
export const answerAny = answer as (status: number, body: object, headers: ExtraHeaders) => Response

export const problem = (name: ProblemName, options?: ProblemOptions): Response => {
  const { status, headers, body } = problemParts(name, options)
  return new Response(body, { status, headers })
}

/**
 * What every app answers alike: 405 with Allow where a path has other methods, else 404, with a hint where
 * it begins like a path with parameters, and 500 for what a handler throws. Not routes of their own: with
 * a second route for a path, Hono composes middleware for every request of the first. There are no CORS
 * headers, so browsers of other sites learn nothing, but for what ingest allows some of them.
 */
export const handleTheRest = (app: Hono, routes: Routes, report: (error: unknown) => void) => {
  const patternOf = makePatternOf(routes)
  app.notFound(({ req: { method, path } }: Context) => {
    const allowed = methodsAt(routes, path)
    if (allowed.length > 0 && !allowed.includes(method)) {
      return problem("method-not-allowed", { headers: { allow: allowed.join(", ") } })
    }
    return problem("not-found", patternOf(method, path) ? { detail: ENCODE_HINT } : {})
  })
  app.onError((error) => {
    report(error)
    return problem("internal-error")
  })
}
