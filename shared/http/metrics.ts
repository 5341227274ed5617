/**
 * What a process tells Prometheus, at GET /metrics: how long its requests took, by method, route and
 * status, and what the process itself uses. A route is a pattern of the app, never a path, so no key is
 * ever a label. Counting costs a request less than a microsecond; the text is made when it is asked for.
 */
import process from "node:process"
import { Context, Metric } from "effect"
import { formatUnsafe } from "effect/observability/PrometheusMetrics"
import type { Hono } from "hono"
import type { Fetch } from "./listen.ts"
import { METHODS, makePatternOf, type Routes } from "./route.ts"

/** Where metrics keep what they have counted. Effect's own, so that the worker's are shown alike. */
export type Registry = Context.Context<never>

export const makeRegistry = (): Registry => Context.make(Metric.MetricRegistry, new Map())

/** In seconds: from a write that is one of many in its turn, to a reader that waited for its deadline. */
const DURATIONS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** Others would let a client make as many series as it can think of methods. */
const KNOWN_METHODS = new Set<string>([...METHODS, "HEAD"])

const OTHER = "other"

const startedAt = Date.now() / 1_000
const started = Metric.gauge("process_start_time_seconds", {
  description: "When the process started, in seconds since 1970.",
})
const memory = Metric.gauge("process_resident_memory_bytes", {
  description: "Memory of the process that is in RAM.",
})
const cpu = Metric.counter("process_cpu_seconds_total", {
  description: "Time that the process has used of all CPUs.",
})

const processRegistry = (): Registry => {
  const registry = makeRegistry()
  const { user, system } = process.cpuUsage()
  started.updateUnsafe(startedAt, registry)
  memory.updateUnsafe(process.memoryUsage.rss(), registry)
  cpu.updateUnsafe((user + system) / 1e6, registry)
  return registry
}

/** Registries as Prometheus reads them; no name may be in two of them. */
export const exposition = (...registries: Registry[]): Response =>
  new Response([...registries, processRegistry()].map((one) => formatUnsafe(one)).join(""), {
    headers: {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
      "cache-control": "no-store",
    },
  })

/** The path of an absolute URL, without its query. */
export const pathOf = (url: string): string => {
  const from = url.indexOf("/", "https://".length)
  const to = url.indexOf("?", from)
  return to < 0 ? url.slice(from) : url.slice(from, to)
}

const makeDurations = (registry: Registry) => {
  const series = new Map<string, Metric.Histogram<number>>()
  return (method: string, route: string, status: number, millis: number) => {
    const id = `${method} ${route} ${status}`
    let histogram = series.get(id)
    if (!histogram) {
      histogram = Metric.histogram("write_buffer_http_request_duration_seconds", {
        description: "From a request's headers to its answer.",
        attributes: { method, route, status: String(status) },
        boundaries: DURATIONS,
      })
      series.set(id, histogram)
    }
    histogram.updateUnsafe(millis / 1_000, registry)
  }
}

/**
 * The app of these routes with its requests measured and GET /metrics answered. Around the app and not
 * in it: a middleware would make Hono compose handlers for every request. `more` is asked for when the
 * text is.
 */
export const metered = (
  app: Pick<Hono, "fetch">,
  routes: Routes,
  more: () => Promise<Registry> = async () => makeRegistry(),
): Fetch => {
  const registry = makeRegistry()
  const patternOf = makePatternOf(routes)
  const observe = makeDurations(registry)

  return (request) => {
    const path = pathOf(request.url)
    const { method } = request
    if (path === "/metrics") {
      const isScrape = method === "GET" || method === "HEAD"
      return isScrape ? more().then((found) => exposition(registry, found)) : app.fetch(request)
    }
    const at = performance.now()
    const done = (response: Response) => {
      const known = KNOWN_METHODS.has(method) ? method : OTHER
      observe(known, patternOf(method, path) ?? OTHER, response.status, performance.now() - at)
      return response
    }
    const answered = app.fetch(request)
    return answered instanceof Promise ? answered.then(done) : done(answered)
  }
}
