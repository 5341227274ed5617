/** A collector of traces for tests: takes OTLP over HTTP as JSON, and remembers the spans, or does what is broken. */
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { until } from "./until.ts"

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: string }
}

interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<Attribute>
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>
  readonly status: { readonly code?: number }
}

interface TraceData {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: ReadonlyArray<Attribute> }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<OtlpSpan> }>
  }>
}

const record = (attributes: ReadonlyArray<Attribute>) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  )

const spansOf = ({ resourceSpans }: TraceData) =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        service: record(resource.attributes)["service.name"],
        attributes: record(span.attributes),
      })),
    ),
  )

export type Span = ReturnType<typeof spansOf>[number]

export type Collector = Awaited<ReturnType<typeof startCollector>>

/** Answers 200, unless `answer` does something else. */
export const startCollector = async (
  answer: (response: ServerResponse) => void = (response) => void response.end("{}"),
) => {
  const spans: Span[] = []
  const requests: Array<Record<"url" | "body", string> & Pick<IncomingMessage, "headers">> = []
  const server = createServer(async (request, response) => {
    const { url = "", headers } = request
    const body = await text(request)
    requests.push({ url, headers, body })
    spans.push(...spansOf(JSON.parse(body)))
    answer(response)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    /** The spans of a trace, once there are so many of this name. */
    spansOf: (traceId: string, name: string, count = 1) =>
      until(`${count} spans ${name} of ${traceId}`, async () => {
        const found = spans.filter((span) => span.traceId === traceId)
        return found.filter((span) => span.name === name).length >= count && found
      }),
    /** The first span that matches. */
    spanOf: (matches: (span: Span) => boolean) => until("a span", async () => spans.find(matches)),
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
