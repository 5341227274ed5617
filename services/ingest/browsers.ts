/**
 * What browsers may do for pages of other sites: those of ALLOWED_ORIGINS write and read the answer (CORS),
 * and `navigator.sendBeacon` may send JSON as text, the one type for which a browser asks nobody before.
 * Around the app, and only for requests with such an Origin: all others are the app's alone, and cost what
 * they did.
 */
import { Hono } from "hono"
import { cors } from "hono/cors"
import { CONTRACT } from "../../shared/contract.ts"
import { methodsAt } from "../../shared/http/route.ts"
import { noteTrace, traceOf } from "../../shared/tracing/context.ts"

/** Chromium's longest: so long a page asks once. */
const PREFLIGHT_SECONDS = 7_200

const REQUEST_HEADERS = [
  ...["content-type", "content-encoding", "authorization", "idempotency-key", "prefer"],
  ...["traceparent", "tracestate"],
]
const ANSWER_HEADERS = ["location", "retry-after", "idempotency-replayed", "preference-applied"]

/** Of a text that a script sends, by a beacon or otherwise, whatever is in it. */
const TEXT_TYPE = /^text\/plain; ?charset="?utf-8"?$/i

const isText = ({ method, headers }: Request) =>
  method === "POST" && TEXT_TYPE.test(headers.get("content-type") ?? "")

/** What else is wrong with it the app says, as of any JSON. */
const asJson = (request: Request): Request => {
  const headers = new Headers(request.headers)
  headers.set("content-type", "application/json")
  const same = new Request(request, { headers })
  noteTrace(same, traceOf(request))
  return same
}

type App = Pick<Hono, "fetch">

/** The app for pages of these origins as well: several with commas between, * for all, "" for none. */
export const forBrowsers = (app: App, allowed: string): App => {
  if (allowed === "") return app
  const isAny = allowed === "*"
  const origins = allowed.split(",").map((one) => one.trim())
  const shared = new Hono()
  shared.use(
    cors({
      origin: isAny ? "*" : origins,
      allowMethods: (_, { req }) => [...methodsAt(CONTRACT.ingest, req.path)],
      allowHeaders: REQUEST_HEADERS,
      exposeHeaders: ANSWER_HEADERS,
      maxAge: PREFLIGHT_SECONDS,
    }),
  )
  shared.all("*", ({ req: { raw } }) => app.fetch(isText(raw) ? asJson(raw) : raw))
  return {
    fetch: (request) => {
      const origin = request.headers.get("origin")
      const isAllowed = origin !== null && (isAny || origins.includes(origin))
      return (isAllowed ? shared : app).fetch(request)
    },
  }
}
