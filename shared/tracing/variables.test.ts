import { expect, test } from "vitest"
import { linesOf } from "../testing/config.ts"

test.each([
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", "collector:4318"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "https://h/base/", "http://a b"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "https://h/@", "https://user:password@h"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "a=b%20c, d=e==", "a b=c"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "a=", "a=%ff"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "a=b,", "a=b%0ac"],
  ["OTEL_TRACES_SAMPLER", "traceidratio", "jaeger_remote"],
  ["OTEL_TRACES_SAMPLER_ARG", "0.25", "2"],
])("%s may be %s and not %s", (name, good, bad) => {
  expect(linesOf({ [name]: good })).toEqual([])
  expect(linesOf({ [name]: bad })).toHaveLength(1)
})
