import { expect, test } from "vitest"
import { noteTrace, readTraceparent, traceOf, traceparentOf } from "./context.ts"

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const SPAN = "b7ad6b7169203331"

test.each([
  [`00-${TRACE}-${SPAN}-01`, true],
  [`00-${TRACE}-${SPAN}-00`, false],
  // Other flags mean something else; a later version may have more fields.
  [`00-${TRACE}-${SPAN}-03`, true],
  [`cc-${TRACE}-${SPAN}-01-what-comes`, true],
])("%s is a traceparent", (text, isSampled) => {
  const context = { traceId: TRACE, spanId: SPAN, isSampled }
  expect(readTraceparent(text)).toEqual(context)
  expect(traceparentOf(context)).toBe(`00-${TRACE}-${SPAN}-01`)
})

test.each([
  null,
  "",
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-01-more`,
  `ff-${TRACE}-${SPAN}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE}-${SPAN}-0g`,
  ` 00-${TRACE}-${SPAN}-01`,
])("%j is none", (text) => {
  expect(readTraceparent(text)).toBeNull()
})

test("a request has the trace that was noted of it, and another one none", () => {
  const [one, other] = [new Request("http://a"), new Request("http://a")]
  noteTrace(one, "a")
  noteTrace(other, undefined)
  expect([traceOf(one), traceOf(other)]).toEqual(["a", undefined])
})
