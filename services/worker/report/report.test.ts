import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { TestClock } from "effect/testing"
import { layerLog } from "../log.ts"
import { Logged } from "../testing/worker-memory.ts"
import type { Ended } from "./metrics.ts"
import { Report } from "./report.ts"

const ended: Ended = { closing: "Full", writes: 100, rows: 90, millis: 12.4 }

/** The log with every level. */
const layer = Layer.suspend(() => {
  const logged: Logged["Service"] = []
  return Report.layer.pipe(
    Layer.provideMerge(
      layerLog((level, message, fields = {}) => logged.push({ level, message, fields })),
    ),
    Layer.provideMerge(Layer.succeed(Logged, logged)),
  )
})

const test = <E>(sentence: string, effect: Effect.Effect<void, E, Report | Logged>) =>
  it.effect(sentence, () =>
    Effect.suspend(() => Effect.provide(effect, layer)).pipe(
      Effect.provideService(Metric.MetricRegistry, new Map()),
    ),
  )

const summaries = Effect.gen(function* () {
  const logged = yield* Logged
  return logged.filter(({ level }) => level === "info").map(({ fields }) => fields)
})

describe("the report", () => {
  test(
    "sums the batches of a second up in one line",
    Effect.gen(function* () {
      const report = yield* Report
      yield* report.batch(ended)
      yield* TestClock.adjust("900 millis")
      yield* report.batch({ ...ended, writes: 10, rows: 10, millis: 20 })
      expect(yield* summaries).toEqual([])
      yield* TestClock.adjust("100 millis")
      expect(yield* summaries).toEqual([{ batches: 2, writes: 110, rows: 100, slowestMillis: 20 }])
    }),
  )

  test(
    "says nothing while nothing is written, and begins anew",
    Effect.gen(function* () {
      const report = yield* Report
      yield* report.batch(ended)
      yield* TestClock.adjust("1 hour")
      expect(yield* summaries).toHaveLength(1)
      yield* report.batch(ended)
      yield* TestClock.adjust("1 second")
      expect(yield* summaries).toMatchObject([{ batches: 1 }, { batches: 1, writes: 100 }])
    }),
  )

  test(
    "has a line for each batch at level debug",
    Effect.gen(function* () {
      yield* (yield* Report).batch(ended)
      expect(yield* Logged).toEqual([
        {
          level: "debug",
          message: "batch written",
          fields: { window: "Full", writes: 100, rows: 90, millis: 12 },
        },
      ])
    }),
  )

  it.effect("says the last second of a worker that stops", () =>
    Effect.gen(function* () {
      const logged: Logged["Service"] = []
      const log = layerLog((level, message, fields = {}) => logged.push({ level, message, fields }))
      yield* Effect.provide(
        Effect.flatMap(Report, (report) => report.batch(ended)),
        Layer.provideMerge(Report.layer, log),
      )
      expect(logged).toMatchObject([{ level: "debug" }, { level: "info", fields: { batches: 1 } }])
    }),
  )
})
