import { expect, test } from "vitest"
import { preferencesOf } from "./prefer.ts"

const of = (prefer?: string) => preferencesOf(new Headers(prefer === undefined ? {} : { prefer }))

test.each([
  ["wait=5", 5],
  ["Wait = 5", 5],
  ['wait="5"', 5],
  ["respond-async, wait=5", 5],
  ["wait=5; foo=bar", 5],
  ["wait=5, wait=9", 5],
  ["wait=31", 30],
  ["wait=999999999", 30],
  ["wait=0", 0],
])("waits as long as it is preferred, and 30 s at most: %s", (prefer, wait) => {
  expect(of(prefer)).toEqual({ wait, isVerbose: false })
})

test.each([
  undefined,
  "",
  "wait",
  "wait=",
  "wait=-1",
  "wait=1.5",
  "wait=1e9",
  "wait=five",
  "waits=5",
  ",;=",
])("does not wait when that is not preferred: %s", (prefer) => {
  expect(of(prefer).wait).toBe(0)
})

test("tells about each write when a representation is preferred", () => {
  expect(of("return=representation, wait=2")).toEqual({ wait: 2, isVerbose: true })
  expect(of("return=minimal").isVerbose).toBe(false)
})
