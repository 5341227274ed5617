/** What operators' calls may ask for: their bodies and queries, decoded, or the answer why not. */
import { Result, Schema } from "effect"
import { problem } from "../../../shared/http/answer.ts"
import { readBody } from "../../../shared/http/body.ts"
import type { Filter } from "./letter.ts"
import type { Selection } from "./letters.ts"
import { PAGE_MAX } from "./limits.ts"

/** Room for a thousand versions of 16 digits, or for a reason. */
const BODY_MAX_BYTES = 64 * 1024
const VERSIONS_MAX = 1_000
const PAGE_DEFAULT = 20

const Positive = Schema.Int.check(Schema.isGreaterThan(0))
const Position = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** A member that is not known might have been meant to narrow the selection. */
const STRICT = { onExcessProperty: "error" } as const

const decodeSelection: (body: unknown) => Result.Result<Selection, unknown> =
  Schema.decodeUnknownResult(
    Schema.Union([
      Schema.Struct({
        versions: Schema.Array(Positive).check(Schema.isBetweenLength(1, VERSIONS_MAX)),
        after: Schema.optionalKey(Position),
      }),
      Schema.Struct({
        all: Schema.Literal(true),
        reason: Schema.optionalKey(Schema.String),
        key: Schema.optionalKey(Schema.String),
        until: Schema.optionalKey(Schema.String),
        most: Schema.optionalKey(Positive),
        after: Schema.optionalKey(Position),
      }),
    ]),
    STRICT,
  )

const decodeConfirm = Schema.decodeUnknownResult(
  Schema.Struct({
    confirm: Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThan(0)),
    newest: Schema.optionalKey(Positive),
  }),
  STRICT,
)

const PAGE_HINT = `limit is 1 to ${PAGE_MAX}, after is what the last page gave as next.`
const SELECTION_HINT = `Send {"versions":[…]} with up to ${VERSIONS_MAX} of them, or {"all":true}, which reason, key, until and most may narrow.`
const CONFIRM_HINT = 'Send {"confirm":"<depth>"} with the depth of the queue as you saw it.'

const decodeBody = async <A>(
  request: Request,
  decode: (body: unknown) => Result.Result<A, unknown>,
  hint: string,
): Promise<{ readonly decoded: A } | Response> => {
  const body = await readBody(request, BODY_MAX_BYTES)
  if (body instanceof Response) return body
  const decoded = decode(body.json)
  return Result.isSuccess(decoded)
    ? { decoded: decoded.success }
    : problem("invalid-request", { detail: hint })
}

export const readSelection = (request: Request) =>
  decodeBody(request, decodeSelection, SELECTION_HINT)

export const readConfirm = (request: Request) => decodeBody(request, decodeConfirm, CONFIRM_HINT)

const integer = (text: string | undefined, fallback: number, minimum: number, maximum: number) => {
  if (text === undefined) return fallback
  const given = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  return given >= minimum && given <= maximum ? given : null
}

/** Which part of a list is asked for. An empty filter is none: it is what an empty field sends. */
export const readPage = (
  query: Readonly<Record<string, string>>,
): { readonly limit: number; readonly after: number; readonly filter: Filter } | Response => {
  const { reason, key } = query
  const limit = integer(query.limit, PAGE_DEFAULT, 1, PAGE_MAX)
  const after = integer(query.after, 0, 0, Number.MAX_SAFE_INTEGER)
  if (limit === null || after === null) return problem("invalid-request", { detail: PAGE_HINT })
  return { limit, after, filter: { ...(reason && { reason }), ...(key && { key }) } }
}
