/** What operators' calls may ask for: their bodies and queries, decoded, or the answer why not. */
import { Result, Schema } from "effect"
import type { Context } from "hono"
import { CONTRACT } from "../../../shared/contract.ts"
import { problem } from "../../../shared/http/answer.ts"
import { readBody } from "../../../shared/http/body.ts"
import { PAGE_MAX, VERSIONS_MAX } from "../../../shared/operations.ts"
import { SHARDS_MAX } from "../../../shared/queue/shards.ts"
import type { Filter } from "./letter.ts"

/** Room for a thousand versions of 16 digits, or for a reason. */
const BODY_MAX_BYTES = 64 * 1024
const PAGE_DEFAULT = 20

export type Handle = (context: Context) => Promise<Response>
/** A handler that runs only for who has the token. */
export type Guarded = (handle: Handle) => (context: Context) => Promise<Response> | Response

/** A member that is not known might have been meant to narrow the selection. */
const STRICT = { onExcessProperty: "error" } as const

const decodePage = Schema.decodeUnknownResult(CONTRACT.stats["GET /dead"].query)
const decodeSelection = Schema.decodeUnknownResult(CONTRACT.stats["DELETE /dead"].body, STRICT)
const decodeReshard = Schema.decodeUnknownResult(CONTRACT.stats["POST /queue/shards"].body, STRICT)
const decodeConfirmation = Schema.decodeUnknownResult(CONTRACT.stats["DELETE /queue"].body, STRICT)

const PAGE_HINT = `limit is 1 to ${PAGE_MAX}, after is what the last page gave as next.`
const SELECTION_HINT = `Send {"versions":[…]} with up to ${VERSIONS_MAX} of them, or {"all":true}, which reason, key, table, until and most may narrow.`
const CONFIRM_HINT = 'Send {"confirm":"<depth>"} with the depth of the queue as you saw it.'
const RESHARD_HINT = `Send {"shards":<number>} with 1 to ${SHARDS_MAX}.`

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

export const readConfirm = (request: Request) =>
  decodeBody(request, decodeConfirmation, CONFIRM_HINT)

export const readReshard = (request: Request) => decodeBody(request, decodeReshard, RESHARD_HINT)

/** Which part of a list is asked for. An empty filter is none: it is what an empty field sends. */
export const readPage = (
  query: Readonly<Record<string, string>>,
): { readonly limit: number; readonly after: number; readonly filter: Filter } | Response => {
  const decoded = decodePage(query)
  if (Result.isFailure(decoded)) return problem("invalid-request", { detail: PAGE_HINT })
  const { limit = PAGE_DEFAULT, after = 0, reason, key, table } = decoded.success
  const filter = { ...(reason && { reason }), ...(key && { key }), ...(table && { table }) }
  return { limit, after, filter }
}
