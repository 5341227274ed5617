/** Which traces are made: OpenTelemetry's samplers, by their names. */
import type { Config } from "../config.ts"
import type { SpanContext } from "./context.ts"

/** So many bits of a number are exact. */
const BITS = 52

/** The decision that other SDKs take of the same trace: by the lower half of its id. */
const isWithin = (traceId: string, ratio: number): boolean =>
  Number.parseInt(traceId.slice(16, 16 + BITS / 4), 16) < ratio * 2 ** BITS

export const makeSampler = (
  name: Config["OTEL_TRACES_SAMPLER"],
  ratio: number,
): ((parent: SpanContext | null, traceId: string) => boolean) => {
  const root = (traceId: string) =>
    name.endsWith("traceidratio") ? isWithin(traceId, ratio) : name.endsWith("always_on")
  const isParentBased = name.startsWith("parentbased_")
  return (parent, traceId) => (isParentBased && parent ? parent.isSampled : root(traceId))
}
