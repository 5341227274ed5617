import { expect, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { freePort } from "../../scripts/servers/port.ts"
import { layerMetrics } from "./app.ts"
import { layerLog } from "./log.ts"
import { countFailure } from "./report/metrics.ts"
import { away } from "./testing/kit.ts"
import { type Logged, layerSettings } from "./testing/worker-memory.ts"

const open = (PORT: number) => {
  const logged: Logged["Service"] = []
  const log = layerLog((level, message, fields = {}) => logged.push({ level, message, fields }))
  return Layer.build(
    layerMetrics.pipe(Layer.provide(layerSettings({ PORT })), Layer.provide(log)),
  ).pipe(Effect.as(logged))
}

const get = (port: number, path: string) =>
  Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`))

it.live("a worker's metrics are those of its registry", () =>
  Effect.gen(function* () {
    const port = yield* Effect.promise(freePort)
    yield* open(port)
    yield* countFailure(away)
    const response = yield* get(port, "/metrics")
    expect(yield* Effect.promise(() => response.text())).toContain('reason="ECONNREFUSED"} 1')
    expect((yield* get(port, "/")).status).toBe(404)
  }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map())),
)

it.live("a port that is in use is a warning, and 0 is no port", () =>
  Effect.gen(function* () {
    const port = yield* Effect.promise(freePort)
    expect(yield* open(port)).toEqual([])
    expect(yield* open(port)).toMatchObject([
      { level: "warn", fields: { port, reason: "EADDRINUSE" } },
    ])
    expect(yield* open(0)).toEqual([])
    expect((yield* get(port, "/metrics")).status).toBe(200)
  }).pipe(Effect.scoped),
)

it.live("a port is free again when the worker has ended", () =>
  Effect.gen(function* () {
    const port = yield* Effect.promise(freePort)
    yield* Effect.scoped(Effect.andThen(open(port), get(port, "/metrics")))
    expect(yield* Effect.scoped(open(port))).toEqual([])
  }),
)
