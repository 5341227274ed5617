import { afterEach, expect, test, vi } from "vitest"
import { makeTokenCheck } from "./token.ts"

afterEach(() => {
  vi.restoreAllMocks()
})

test("a token that was rewritten counts within a second, the old one no longer", () => {
  const clock = vi.spyOn(performance, "now").mockReturnValue(0)
  const reread = vi.fn<() => string | undefined>(() => "new")
  const isRight = makeTokenCheck("old", reread)
  expect(
    ["Bearer old", "bearer old", "Bearer new", "old", "Bearer ", undefined].map(isRight),
  ).toEqual([true, true, false, false, false, false])
  expect(reread).not.toHaveBeenCalled()
  clock.mockReturnValue(1_000)
  expect(["Bearer old", "Bearer new"].map(isRight)).toEqual([false, true])
  expect(reread).toHaveBeenCalledTimes(1)
})

test("a file that cannot be read leaves the token as it was", () => {
  const clock = vi.spyOn(performance, "now").mockReturnValue(0)
  const isRight = makeTokenCheck("old", () => undefined)
  clock.mockReturnValue(5_000)
  expect(isRight("Bearer old")).toBe(true)
})
