/**
 * Calls that only who has a bearer token may make. The token is the one of its variable as it is now: a
 * file that holds it may be written anew, and a token that leaked must end without a restart.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import type { Context, Hono } from "hono"
import { problem } from "./answer.ts"

export interface Token {
  /** The variable that has it, for who lacks it. */
  readonly name: "ADMIN_TOKEN" | "READ_TOKEN" | "WRITE_TOKEN"
  /** Empty: none is configured. */
  readonly first: string
  /** Gives the token that a file holds, undefined when none does or it cannot be read. */
  readonly reread?: () => string | undefined
}

/** However many ask, the file is read so often at most; a token that was replaced is good for as long. */
const REREAD_MILLIS = 1_000

const digest = (text: string) => createHash("sha256").update(text).digest()

/** `reread` gives the token that a file holds, undefined when none does or it cannot be read. */
export const makeTokenCheck = (first: string, reread: () => string | undefined) => {
  let token = digest(first)
  let readAt = performance.now()

  /** Takes the same time however much of the token is right. */
  return (authorization: string | undefined): boolean => {
    const now = performance.now()
    if (now - readAt >= REREAD_MILLIS) {
      readAt = now
      const text = reread()
      if (text !== undefined) token = digest(text)
    }
    const given = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1] ?? ""
    return timingSafeEqual(digest(given), token)
  }
}

type Handle = (context: Context) => Response | Promise<Response>

/**
 * Makes handlers run only for who has the token. Without one a handler stays what it is, and costs nothing.
 * Around handlers, because they are where every spelling of a path ends up (Hono takes `/%77rite` for `/write`),
 * and a middleware would make Hono compose handlers for every request.
 */
export const makeGuarded = (token: Token | undefined) => {
  if (!token?.first) return (handle: Handle): Handle => handle
  const { name, first, reread = () => undefined } = token
  const hasToken = makeTokenCheck(first, reread)
  const refusal = {
    detail: `This call needs the bearer token in ${name}.`,
    headers: { "www-authenticate": 'Bearer realm="write-buffer"' },
  }
  return (handle: Handle): Handle =>
    (context) =>
      hasToken(context.req.header("authorization"))
        ? handle(context)
        : problem("unauthorized", refusal)
}

/** The methods of an app, for calls that need the token. */
export const guardedRoutes = (app: Hono, token: Token | undefined) => {
  const guarded = makeGuarded(token)
  const on = (method: string) => (path: string, handle: Handle) => {
    app.on(method, path, guarded(handle))
  }
  return { get: on("GET"), post: on("POST"), delete: on("DELETE") }
}
