import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { GROUP_MAX_KEYS, GROUP_MIN_KEYS, SLOW_MILLIS } from "./group.ts"
import { setUp, turn } from "./testing/group.ts"

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
})
afterEach(() => {
  vi.useRealTimers()
})

test("a slow query of few keys says little about groups", async () => {
  const { queries, readMany, sizes, answerAll } = setUp()
  readMany(1)
  await turn()
  vi.advanceTimersByTime(SLOW_MILLIS + 1)
  queries[0]?.answer()
  await turn()
  readMany(2 * GROUP_MIN_KEYS)
  await turn()
  await answerAll()
  expect(sizes()).toEqual([1, GROUP_MIN_KEYS, GROUP_MIN_KEYS])
})

test("groups are half as large after a slow query, and grow again", async () => {
  const { queries, readMany, sizes, answerAll } = setUp()
  const reads = readMany(GROUP_MAX_KEYS)
  await turn()
  vi.advanceTimersByTime(SLOW_MILLIS + 1)
  queries[0]?.answer()
  await turn()
  reads.push(...readMany(18 * GROUP_MAX_KEYS))
  await turn()
  await answerAll()
  expect(sizes().slice(0, 4)).toEqual([GROUP_MAX_KEYS, ...Array(2).fill(GROUP_MAX_KEYS / 2), 275])
  expect(sizes().slice(3, -1)).toEqual(
    sizes()
      .slice(3, -1)
      .toSorted((one, other) => one - other),
  )
  expect(sizes().at(-2)).toBe(GROUP_MAX_KEYS)
  expect(await Promise.all(reads)).toHaveLength(19 * GROUP_MAX_KEYS)
})
