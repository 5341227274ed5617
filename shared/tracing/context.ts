/**
 * Where a request, or a write, is in a trace: W3C Trace Context, of which the header `traceparent` is the text.
 * Always loaded, unlike what makes spans.
 */

export interface SpanContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  readonly isSampled: boolean
}

/** A later version may have more fields; version ff is none. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Null of a text that is none: as the standard has it, the trace begins anew. */
export const readTraceparent = (text: string | null): SpanContext | null => {
  const [, version, traceId, spanId, flags, more] = (text && TRACEPARENT.exec(text)) || []
  if (traceId === undefined || spanId === undefined || flags === undefined) return null
  if (version === "00" && more !== undefined) return null
  return { traceId, spanId, isSampled: Number.parseInt(flags, 16) % 2 === 1 }
}

/** Of a span that is sampled: others go nowhere. */
export const traceparentOf = ({ traceId, spanId }: SpanContext) => `00-${traceId}-${spanId}-01`

/** What a queue item may carry of a trace, and nothing else. */
export const CARRIED = "00-[0-9a-f]{32}-[0-9a-f]{16}-01"

const traceparents = new WeakMap<Request, string>()

/** The request is served by this span, and so are the writes in it. */
export const noteTrace = (request: Request, traceparent: string | undefined) => {
  if (traceparent !== undefined) traceparents.set(request, traceparent)
}

/** The `traceparent` for the writes of a request; undefined where there is no trace, or it is not sampled. */
export const traceOf = (request: Request): string | undefined => traceparents.get(request)
