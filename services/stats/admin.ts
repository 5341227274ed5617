/**
 * The operators' calls, each behind the bearer token of ADMIN_TOKEN; without one configured they are off
 * and say so. They alone show keys and values, and they say in the log what was done, not to what.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { Result, Schema } from "effect"
import type { Context, Hono } from "hono"
import { readBody } from "../../shared/body.ts"
import { answer, problem } from "../../shared/problem.ts"
import { type Operations, PAGE_MAX } from "./operations.ts"

export interface AdminDependencies {
  readonly operations: Operations
  /** Empty: the calls are off. */
  readonly token: string
  /** What was done, and to how many writes. */
  readonly audit: (action: string, writes: number | null) => void
}

/** Room for a thousand versions of 16 digits. */
const BODY_MAX_BYTES = 64 * 1024
const VERSIONS_MAX = 1_000
const PAGE_DEFAULT = 20

/** A purge is for what the operator has seen: the depth may have changed by a tenth, or by ten. */
const CONFIRM_SHARE = 0.1
const CONFIRM_WRITES = 10

const Version = Schema.Int.check(Schema.isGreaterThan(0))
const decodeSelection = Schema.decodeUnknownResult(
  Schema.Union([
    Schema.Struct({
      versions: Schema.Array(Version).check(Schema.isBetweenLength(1, VERSIONS_MAX)),
    }),
    Schema.Struct({ all: Schema.Literal(true) }),
  ]),
)
const decodeConfirm = Schema.decodeUnknownResult(
  Schema.Struct({
    confirm: Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThan(0)),
  }),
)

const PAGE_HINT = `limit is 1 to ${PAGE_MAX}, after is what the last page gave as next.`
const SELECTION_HINT = `Send {"versions":[…]} with up to ${VERSIONS_MAX} of them, or {"all":true}.`
const CONFIRM_HINT = 'Send {"confirm":"<depth>"} with the depth of the queue as you saw it.'

/** Paths and their methods, for the answers 405. */
export const ADMIN_PATHS: ReadonlyMap<string, string> = new Map([
  ["/dead", "GET, HEAD, DELETE"],
  ["/dead/replay", "POST"],
  ["/queue", "GET, HEAD, DELETE"],
  ["/worker/pause", "POST"],
  ["/worker/resume", "POST"],
])

const digest = (text: string) => createHash("sha256").update(text).digest()

/** Null when the caller may; takes the same time however much of the token is right. */
const refusal = (token: string, authorization: string | undefined): Response | null => {
  if (token === "") return problem("operations-off")
  const given = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1] ?? ""
  if (timingSafeEqual(digest(given), digest(token))) return null
  return problem("unauthorized", { headers: { "www-authenticate": 'Bearer realm="write-buffer"' } })
}

const integer = (text: string | undefined, fallback: number, minimum: number, maximum: number) => {
  if (text === undefined) return fallback
  const given = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  return given >= minimum && given <= maximum ? given : null
}

/** The decoded body, or the answer why not. */
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

export const addAdmin = (app: Hono, { operations, token, audit }: AdminDependencies) => {
  /** A handler that runs only for who has the token. */
  const guarded = (handle: (context: Context) => Promise<Response>) => (context: Context) =>
    refusal(token, context.req.header("authorization")) ?? handle(context)

  const onSelection = (action: "replay" | "discard") =>
    guarded(async ({ req }) => {
      const body = await decodeBody(req.raw, decodeSelection, SELECTION_HINT)
      if (body instanceof Response) return body
      const writes = await operations[action](body.decoded)
      audit(action, writes)
      return answer(200, { success: true, [`${action}ed`]: writes })
    })

  const onMark = (action: "pause" | "resume") =>
    guarded(async () => {
      await operations[action]()
      audit(action, null)
      return answer(200, { success: true, paused: action === "pause" })
    })

  app.get(
    "/dead",
    guarded(async ({ req }) => {
      const limit = integer(req.query("limit"), PAGE_DEFAULT, 1, PAGE_MAX)
      const after = integer(req.query("after"), 0, 0, Number.MAX_SAFE_INTEGER)
      if (limit === null || after === null) return problem("invalid-request", { detail: PAGE_HINT })
      return answer(200, { success: true, ...(await operations.dead(after, limit)) })
    }),
  )
  app.post("/dead/replay", onSelection("replay"))
  app.delete("/dead", onSelection("discard"))
  app.get(
    "/queue",
    guarded(async ({ req }) => {
      const limit = integer(req.query("limit"), PAGE_DEFAULT, 1, PAGE_MAX)
      if (limit === null) return problem("invalid-request", { detail: PAGE_HINT })
      return answer(200, { success: true, queue: await operations.peek(limit) })
    }),
  )
  app.delete(
    "/queue",
    guarded(async ({ req }) => {
      const body = await decodeBody(req.raw, decodeConfirm, CONFIRM_HINT)
      if (body instanceof Response) return body
      const { confirm } = body.decoded
      const seen = await operations.waiting()
      if (Math.abs(seen.writes - confirm) > Math.max(CONFIRM_WRITES, confirm * CONFIRM_SHARE)) {
        const detail = `${seen.writes} writes wait now, not ${confirm}.`
        return problem("depth-changed", { detail })
      }
      const writes = await operations.purge(seen)
      audit("purge", writes)
      return answer(200, { success: true, purged: writes })
    }),
  )
  app.post("/worker/pause", onMark("pause"))
  app.post("/worker/resume", onMark("resume"))
}
