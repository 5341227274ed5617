import { expect, test } from "vitest"
import { ConfigError, loadConfig } from "../config.ts"

const isTaken = (name: string, value: string) => {
  try {
    loadConfig("start", { [name]: value })
    return true
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return false
  }
}

test.each([
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", "collector:4318"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "https://h/base/", "http://a b"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "a=b%20c, d=e==", "a b=c"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "a=", "a=%ff"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "a=b,", "a=b%0ac"],
  ["OTEL_TRACES_SAMPLER", "traceidratio", "jaeger_remote"],
  ["OTEL_TRACES_SAMPLER_ARG", "0.25", "2"],
])("%s may be %s and not %s", (name, good, bad) => {
  expect([isTaken(name, good), isTaken(name, bad)]).toEqual([true, false])
})
