import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { snapshot } from "../../shared/queue/snapshot.ts"
import { makeHistory, POINTS_MAX, SAMPLE_MILLIS } from "./history.ts"
import { countOf } from "./testing/lists.ts"

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
})
afterEach(() => {
  vi.useRealTimers()
})

const count = async () =>
  countOf(snapshot.reply([0, 7, 0, 1, 0, 0, 0, [], ["queued", "9", "processed", "2"]]))

test("the history has a point every five seconds, and a point without figures where none came", async () => {
  const asked = vi.fn(count)
  const { points, end } = makeHistory(asked)
  await vi.advanceTimersByTimeAsync(0)
  asked.mockRejectedValueOnce(new Error("Redis is away"))
  await vi.advanceTimersByTimeAsync(2 * SAMPLE_MILLIS)
  expect(points()).toEqual([
    [0, 9, 2, 7],
    [5_000, null, null, null],
    [10_000, 9, 2, 7],
  ])
  end()
  expect(vi.getTimerCount()).toBe(0)
})

test("the history is of the last five minutes, and asks once at a time", async () => {
  const asked = vi.fn(count)
  const { points, end } = makeHistory(asked)
  await vi.advanceTimersByTimeAsync(2 * POINTS_MAX * SAMPLE_MILLIS)
  expect(points()).toHaveLength(POINTS_MAX)
  expect(points()[0]?.[0]).toBe((POINTS_MAX + 1) * SAMPLE_MILLIS)
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof countOf>>()
  asked.mockClear().mockReturnValueOnce(promise)
  await vi.advanceTimersByTimeAsync(3 * SAMPLE_MILLIS)
  expect(asked).toHaveBeenCalledTimes(1)
  resolve(await count())
  end()
})
