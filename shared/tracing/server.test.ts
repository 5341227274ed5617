import { expect, test } from "vitest"
import { readTraceparent, traceOf, traceparentOf } from "./context.ts"
import type { Span, Tracer } from "./open.ts"
import { traced } from "./server.ts"

const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
const CONTEXT = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true }

const setUp = (status: number, isSampled = true) => {
  const spans: Span[] = []
  const seen: Array<string | undefined> = []
  const tracer: Tracer = {
    begin: () => (isSampled ? CONTEXT : null),
    child: () => CONTEXT,
    end: (span) => void spans.push(span),
    close: async () => {},
  }
  const app = (request: Request) => {
    seen.push(traceOf(request))
    return new Response("", { status })
  }
  const fetch = traced(app, { "GET /read/:key": {}, "GET /health": {}, "GET /metrics": {} }, tracer)
  const get = (path: string, headers = {}) => fetch(new Request(`http://a${path}`, { headers }))
  return { get, spans, seen }
}

test("a request has a span by its route, and what it does is in its name", async () => {
  const { get, spans, seen } = setUp(200)
  await get("/read/canary?min_version=canary", { traceparent: PARENT })
  expect(spans).toMatchObject([
    {
      ...{ name: "GET /read/:key", kind: "server", isError: false, context: CONTEXT },
      parent: readTraceparent(PARENT),
      attributes: { "http.request.method": "GET", "http.response.status_code": 200 },
    },
  ])
  expect(JSON.stringify(spans)).not.toContain("canary")
  expect(seen).toEqual([traceparentOf(CONTEXT)])
})

test("one that fails is an error, and one of no route has no path for a name", async () => {
  const { get, spans } = setUp(503)
  await get("/canary")
  expect(spans).toMatchObject([{ name: "GET", isError: true, parent: null }])
})

test("one that is not sampled, or asks how the process is, has none", async () => {
  const { get, spans, seen } = setUp(200)
  await get("/health")
  await get("/metrics")
  const unsampled = setUp(200, false)
  await unsampled.get("/read/a")
  expect([...spans, ...unsampled.spans]).toEqual([])
  expect([...seen, ...unsampled.seen]).toEqual([undefined, undefined, undefined])
})
