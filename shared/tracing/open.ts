/**
 * Traces, where somebody has said where to send them (OTEL_EXPORTER_OTLP_ENDPOINT). Unset, nothing of what
 * makes them is loaded, and no request and no write does anything for them.
 */
import type { Config } from "../config.ts"
import type { Service } from "../http/serve.ts"
import type { Log } from "../log.ts"
import type { SpanContext } from "./context.ts"

/** Figures and names of the schema: never a key or a value. */
export type Attributes = Readonly<Record<string, string | number>>

export interface Span {
  readonly context: SpanContext
  readonly parent: SpanContext | null
  readonly name: string
  readonly kind: "server" | "consumer"
  /** Microseconds since 1970. */
  readonly startMicros: number
  readonly endMicros: number
  readonly attributes: Attributes
  readonly links?: ReadonlyArray<SpanContext>
  readonly isError?: boolean
}

export interface Tracer {
  /** A span of a request; null when its trace is not sampled. */
  readonly begin: (parent: SpanContext | null) => SpanContext | null
  /** A span of what is sampled; without a parent, of a trace of its own. */
  readonly child: (parent: SpanContext | null) => SpanContext
  /** Returns at once; a collector that does not keep up costs spans, and nothing else. */
  readonly end: (span: Span) => void
  /** Sends what waits, within a second. */
  readonly close: () => Promise<void>
}

export type Settings = Pick<Config, Extract<keyof Config, `OTEL_${string}`>>

/** Null where nobody asks for traces. */
export const openTracer = async (
  name: string,
  settings: Settings,
  log: Log,
): Promise<Tracer | null> => {
  if (settings.OTEL_EXPORTER_OTLP_ENDPOINT === "") return null
  const { makeTracer } = await import("./tracer.ts")
  log("info", "traces are sent", { sampler: settings.OTEL_TRACES_SAMPLER })
  return makeTracer(name, settings, log)
}

/** The service, with a span for each of its requests where somebody asks for traces. */
export const withTraces = async (
  service: Service,
  ...[name, settings, log]: Parameters<typeof openTracer>
): Promise<Service> => {
  const tracer = await openTracer(name, settings, log)
  if (tracer === null) return service
  const { traced } = await import("./server.ts")
  return {
    ...service,
    fetch: traced(service.fetch, service.routes ?? {}, tracer),
    close: async () => {
      await Promise.all([service.close(), tracer.close()])
    },
  }
}
