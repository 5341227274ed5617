import { expect, test } from "vitest"
import { etagOf, isKnown } from "./etag.ts"

test("the tag of a row is its version in quotes", () => {
  expect(etagOf(17)).toBe('"17"')
})

test.each([
  '"17"',
  'W/"17"',
  '"16", "17"',
  '"16","17","18"',
  ' "17" ',
  '"a,b", W/"17"',
  "*",
  " * ",
])("is known to a client that has %s", (header) => {
  expect(isKnown(header, etagOf(17))).toBe(true)
})

test.each([null, "", '"16"', '"170"', "17", '"17', '"a 17"', '"x,"17",y"', '"*"', 'W/"16", "18"'])(
  "is not known to a client that has %s",
  (header) => {
    expect(isKnown(header, etagOf(17))).toBe(false)
  },
)
