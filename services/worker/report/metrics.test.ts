import { describe, expect, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { format } from "effect/observability/PrometheusMetrics"
import { away, deadlock } from "../testing/kit.ts"
import { countBatch, countFailure, countHold, setHeld } from "./metrics.ts"

const test = <E>(sentence: string, effect: Effect.Effect<void, E>) =>
  it.effect(sentence, () => Effect.provideService(effect, Metric.MetricRegistry, new Map()))

/** The lines that are figures, without the prefix that all have, buckets left out. */
const figures = Effect.map(format(), (text) =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#") && !line.includes("_bucket{"))
    .map((line) => line.replace("write_buffer_worker_", "")),
)

describe("the worker's metrics", () => {
  test(
    "have each batch once, by its window",
    Effect.gen(function* () {
      yield* countBatch({ closing: "Quiet", writes: 10, rows: 7, millis: 500 })
      yield* countBatch({ closing: "Full", writes: 90, rows: 90, millis: 1_000 })
      yield* countBatch({ closing: "Full", writes: 100, rows: 100, millis: 1_500 })
      expect(yield* figures).toEqual([
        "batch_writes_sum 200",
        "batch_writes_count 3",
        "batch_duration_seconds_sum 3",
        "batch_duration_seconds_count 3",
        "rows_total 197",
        'windows_total{reason="Quiet"} 1',
        'windows_total{reason="Full"} 2',
      ])
    }),
  )

  test(
    "have failures by what the database answered",
    Effect.gen(function* () {
      yield* countFailure(deadlock)
      yield* countFailure(deadlock)
      yield* countFailure(away)
      expect(yield* figures).toEqual([
        'statement_failures_total{error="BatchFailed",reason="SQLSTATE 40P01"} 2',
        'statement_failures_total{error="DatabaseUnavailable",reason="ECONNREFUSED"} 1',
      ])
    }),
  )

  test(
    "have a hold once, however often its reason changes",
    Effect.gen(function* () {
      yield* countHold(away)
      yield* setHeld(true)
      const once = 'holds_total{error="DatabaseUnavailable"} 1'
      expect(yield* figures).toEqual([once, "held 1"])
      yield* setHeld(false)
      expect(yield* figures).toEqual([once, "held 0"])
    }),
  )
})
