/** Makes spans, in the form of OTLP, and hands those that are sampled to the exporter. Loaded where traces are made. */
import { randomBytes } from "node:crypto"
import type { Log } from "../log.ts"
import type { SpanContext } from "./context.ts"
import { makeExporter } from "./exporter.ts"
import type { Attributes, Settings, Tracer } from "./open.ts"
import { makeSampler } from "./sampler.ts"
import { headersOf } from "./variables.ts"

/** OpenTelemetry's own limit of the links of a span. */
const LINKS_MAX = 128

const KINDS = { server: 2, consumer: 5 } as const
const ERROR = 2

const attributesOf = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === "number"
        ? Number.isInteger(value)
          ? { intValue: String(value) }
          : { doubleValue: value }
        : { stringValue: value },
  }))

/** From so many random bytes at a time: a call for each id would cost as much as the rest of a span. */
const makeHex = () => {
  let pool = randomBytes(4_096)
  let at = 0
  return (bytes: number) => {
    if (at + bytes > pool.length) {
      pool = randomBytes(pool.length)
      at = 0
    }
    at += bytes
    return pool.toString("hex", at - bytes, at)
  }
}

const nanosOf = (micros: number) => `${Math.round(micros)}000`

export const makeTracer = (process: string, settings: Settings, log: Log): Tracer => {
  const isSampled = makeSampler(settings.OTEL_TRACES_SAMPLER, settings.OTEL_TRACES_SAMPLER_ARG)
  const service = settings.OTEL_SERVICE_NAME || `write-buffer-${process}`
  const url = new URL(settings.OTEL_EXPORTER_OTLP_ENDPOINT)
  url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/traces`
  const resource = { attributes: attributesOf({ "service.name": service }) }
  const scope = { name: `write-buffer/${process}` }
  const { push, close } = makeExporter(
    url.href,
    headersOf(settings.OTEL_EXPORTER_OTLP_HEADERS),
    (spans) => ({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans }] }] }),
    log,
  )
  const hex = makeHex()
  const traceIdOf = (parent: SpanContext | null) => parent?.traceId ?? hex(16)
  const sampled = (traceId: string) => ({ traceId, spanId: hex(8), isSampled: true })
  return {
    begin: (parent) => {
      const traceId = traceIdOf(parent)
      return isSampled(parent, traceId) ? sampled(traceId) : null
    },
    child: (parent) => sampled(traceIdOf(parent)),
    end: ({ context, parent, links = [], ...span }) =>
      push({
        traceId: context.traceId,
        spanId: context.spanId,
        ...(parent && { parentSpanId: parent.spanId }),
        name: span.name,
        kind: KINDS[span.kind],
        startTimeUnixNano: nanosOf(span.startMicros),
        endTimeUnixNano: nanosOf(Math.max(span.startMicros, span.endMicros)),
        attributes: attributesOf(span.attributes),
        links: links.slice(0, LINKS_MAX).map(({ traceId, spanId }) => ({ traceId, spanId })),
        droppedLinksCount: Math.max(0, links.length - LINKS_MAX),
        status: span.isError ? { code: ERROR } : {},
      }),
    close,
  }
}
