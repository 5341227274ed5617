import { describe, expect, test } from "vitest"
import { readMarks, writeMarks } from "./marks.ts"

const MARK = "17@2026-11-22T00:00:00.000Z"

describe("the newest dead letters", () => {
  test("of a single list are its own, as it stands", () => {
    expect([writeMarks([MARK]), writeMarks([null]), writeMarks([])]).toEqual([MARK, null, null])
    expect(readMarks(MARK, 1)).toEqual(new Map([[0, MARK]]))
    expect(readMarks("3:7@x", 1)).toEqual(new Map([[0, "3:7@x"]]))
  })

  test("of several lists are one text, whatever somebody wrote into a letter", () => {
    const odd = "1@a 2:b %"
    const text = writeMarks([null, MARK, odd]) ?? ""
    expect(readMarks(text, 3)).toEqual(
      new Map([
        [1, MARK],
        [2, odd],
      ]),
    )
    expect(writeMarks([null, null])).toBeNull()
  })

  test("of before there were several lists are the first one's", () => {
    expect(readMarks(MARK, 4)).toEqual(new Map([[0, MARK]]))
  })

  test("that nobody gave are no letter's", () => {
    expect(readMarks("1:%zz nonsense", 4).get(1)).toBe("%zz")
  })
})
