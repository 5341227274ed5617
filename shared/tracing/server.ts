/** A span for each request of a service; the writes in it are traced in its name. */
import type { Fetch } from "../http/listen.ts"
import { pathOf } from "../http/metrics.ts"
import { makePatternOf, type Routes } from "../http/route.ts"
import { noteTrace, readTraceparent, traceparentOf } from "./context.ts"
import type { Tracer } from "./open.ts"

/** What asks for them asks every few seconds, and is no part of anybody's trace. */
const UNTRACED = new Set(["/health", "/metrics"])

/** The service with a span for each request, by its route: never by its path, which may have a key. */
export const traced = (fetch: Fetch, routes: Routes, { begin, end }: Tracer): Fetch => {
  const patternOf = makePatternOf(routes)
  return (request) => {
    const path = pathOf(request.url)
    if (UNTRACED.has(path)) return fetch(request)
    const parent = readTraceparent(request.headers.get("traceparent"))
    const context = begin(parent)
    if (context === null) return fetch(request)
    noteTrace(request, traceparentOf(context))
    const startMicros = Date.now() * 1_000
    const at = performance.now()
    const done = (response: Response) => {
      const route = patternOf(request.method, path)
      const { status } = response
      end({
        ...{ context, parent, kind: "server", isError: status >= 500 },
        ...{ name: `${request.method} ${route ?? ""}`.trim(), startMicros },
        endMicros: startMicros + (performance.now() - at) * 1_000,
        attributes: {
          "http.request.method": request.method,
          "http.response.status_code": status,
          ...(route !== undefined && { "http.route": route }),
        },
      })
      return response
    }
    const answered = fetch(request)
    return answered instanceof Promise ? answered.then(done) : done(answered)
  }
}
