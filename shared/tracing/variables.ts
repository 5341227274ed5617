/** OpenTelemetry's variables, as far as they are read here. Unset, the endpoint is nowhere: no trace is made. */
import { Schema } from "effect"
import { UrlError } from "../store-url.ts"
import { number, oneOf, pattern, type Variable } from "../variable.ts"

/** A list of name=value, each percent-encoded, as HTTP headers. Of a bad one `Headers` throws. */
export const headersOf = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text.split(",").flatMap((one) => {
      const [name = "", ...value] = one.split("=")
      return one.trim() === "" ? [] : [[name.trim(), decodeURIComponent(value.join("=").trim())]]
    }),
  )

const isHeaders = (text: string): boolean => {
  try {
    new Headers(headersOf(text))
    return true
  } catch {
    return false
  }
}

const headers: Variable<string> = {
  schema: Schema.String.check(Schema.makeFilter(isHeaders)),
  fallback: "",
  allowed: "name=value,name=value with each value percent-encoded",
  secret: true,
}

const endpoint: Variable<string> = {
  ...pattern(/^https?:\/\/./i, "", "a URL that starts with http:// or https://", true),
  read: (text) => {
    if (!URL.canParse(text)) throw new UrlError("is no URL")
    // `fetch` would refuse each request, and nothing would ever be sent.
    const { username, password } = new URL(text)
    if (username !== "" || password !== "") {
      throw new UrlError("a user and a password stand in OTEL_EXPORTER_OTLP_HEADERS")
    }
    return { leftOut: [] }
  },
}

/** The table's rows, for the programs that make traces. */
export const tracingOf = <const P>(programs: ReadonlyArray<P>) => ({
  /** Without `/v1/traces`, which is added to its path. */
  OTEL_EXPORTER_OTLP_ENDPOINT: { ...endpoint, programs },
  OTEL_EXPORTER_OTLP_HEADERS: { ...headers, programs },
  // Unset, each process has a name of its own.
  OTEL_SERVICE_NAME: {
    ...pattern(/^[\x20-\x7e]{1,255}$/, "", "1 to 255 visible ASCII characters"),
    programs,
  },
  OTEL_TRACES_SAMPLER: {
    ...oneOf(
      "parentbased_always_on",
      ...(["parentbased_always_off", "parentbased_traceidratio"] as const),
      ...(["always_on", "always_off", "traceidratio"] as const),
    ),
    programs,
  },
  // Of the two samplers with a ratio.
  OTEL_TRACES_SAMPLER_ARG: { ...number(0, 1, 1), programs },
})
