import { expect, test } from "vitest"
import { makeSampler } from "./sampler.ts"

/** The lower half of the id decides. */
const idOf = (lower: string) => "f".repeat(16) + lower.padEnd(16, "0")
const parentOf = (isSampled: boolean) => ({
  ...{ traceId: idOf("8"), spanId: "b7ad6b7169203331", isSampled },
})

test.each([
  ["always_on", 0, { root: true, sampled: true, unsampled: true }],
  ["always_off", 1, { root: false, sampled: false, unsampled: false }],
  ["traceidratio", 1, { root: true, sampled: true, unsampled: true }],
  ["traceidratio", 0, { root: false, sampled: false, unsampled: false }],
  ["parentbased_always_on", 0, { root: true, sampled: true, unsampled: false }],
  ["parentbased_always_off", 1, { root: false, sampled: true, unsampled: false }],
  ["parentbased_traceidratio", 1, { root: true, sampled: true, unsampled: false }],
  ["parentbased_traceidratio", 0, { root: false, sampled: true, unsampled: false }],
] as const)("%s with %d", (name, ratio, expected) => {
  const isSampled = makeSampler(name, ratio)
  expect({
    root: isSampled(null, idOf("8")),
    sampled: isSampled(parentOf(true), idOf("8")),
    unsampled: isSampled(parentOf(false), idOf("8")),
  }).toEqual(expected)
})

test.each([
  ["3fffffff", 0.25, true],
  ["40000000", 0.25, false],
  ["ffffffffffffffff", 1, true],
  ["0", 0, false],
  ["7fffffffffffffff", 0.5, true],
  ["8", 0.5, false],
])("an id of …%s is within %d: %s, as other SDKs have it", (lower, ratio, expected) => {
  expect(makeSampler("traceidratio", ratio)(null, idOf(lower))).toBe(expected)
})
