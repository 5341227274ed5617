import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { LOOK_MAX, makeWaits, WAITING_MAX } from "./waits.ts"

const SECOND = 1_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const pass = (millis: number) => vi.advanceTimersByTimeAsync(millis)

/** Waits for numbers to be as high as they are asked for; `level` is how high they are. */
const setUp = () => {
  const state = { level: 0, error: null as Error | null, takes: 0 }
  const looks: Array<{ at: number; asked: ReadonlyArray<number> }> = []
  const waits = makeWaits<number, number>(
    async (asked) => {
      looks.push({ at: performance.now(), asked })
      const { level, error } = state
      if (state.takes > 0) await new Promise((resume) => setTimeout(resume, state.takes))
      if (error) throw error
      return asked.map(() => level)
    },
    (asked, level) => level >= asked,
  )
  return { state, looks, ...waits }
}

/** What became of a promise so far. */
const follow = <A>(promise: Promise<A>) => {
  const seen: { value?: A; error?: unknown; at?: number } = {}
  promise
    .then((value) => Object.assign(seen, { value }))
    .catch((error) => Object.assign(seen, { error }))
    .finally(() => Object.assign(seen, { at: performance.now() }))
  return seen
}

test("a wait ends as soon as a look sees what it waits for, and not before", async () => {
  const { state, wait } = setUp()
  const [early, late] = [follow(wait(1, SECOND)), follow(wait(2, SECOND))]
  await pass(10)
  expect([early, late]).toEqual([{}, {}])
  state.level = 1
  await pass(10)
  expect([early.value, late]).toEqual([1, {}])
  state.level = 2
  await pass(20)
  expect(late.value).toBe(2)
})

test("a wait that is not over in time ends with what there is at its end", async () => {
  const { state, wait } = setUp()
  const begun = performance.now()
  const ends = Array.from({ length: 50 }, (_, index) => SECOND + index * 10)
  const seen = ends.map((millis) => follow(wait(2, millis)))
  await pass(SECOND - 1)
  expect(seen).toEqual(Array(ends.length).fill({}))
  state.level = 1
  await pass(SECOND)
  for (const [index, { value, at = 0 }] of seen.entries()) {
    expect(value).toBe(1)
    expect(at - begun - (ends[index] ?? 0)).toBeLessThan(10)
  }
})

test("all that wait share a look, which is over before the next one begins", async () => {
  const { state, looks, wait } = setUp()
  state.takes = 100
  const seen = Array.from({ length: LOOK_MAX }, () => follow(wait(1, SECOND)))
  await pass(90)
  seen.push(...Array.from({ length: LOOK_MAX }, () => follow(wait(1, SECOND))))
  state.level = 1
  await pass(20)
  expect(looks.map(({ asked }) => asked.length)).toEqual([LOOK_MAX, LOOK_MAX])
  await pass(SECOND)
  expect(seen.map(({ value }) => value)).toEqual(Array(2 * LOOK_MAX).fill(1))
})

test("a look asks for so many at most, and each has its turn", async () => {
  const { state, looks, wait } = setUp()
  const seen = Array.from({ length: 3 * LOOK_MAX }, () => follow(wait(1, SECOND)))
  state.level = 1
  await pass(20)
  expect(looks.map(({ asked }) => asked.length)).toEqual([LOOK_MAX, LOOK_MAX, LOOK_MAX])
  expect(seen.map(({ value }) => value)).toEqual(Array(3 * LOOK_MAX).fill(1))
})

test("who has waited for longer is asked for more rarely, and four times a second at least", async () => {
  const { looks, wait } = setUp()
  const begun = performance.now()
  follow(wait(1, 30 * SECOND))
  await pass(30 * SECOND)
  const ages = looks.map(({ at }) => at - begun)
  const gaps = ages.map((age, index) => [age, (ages[index + 1] ?? age) - age] as const)
  for (const [age, gap] of gaps.slice(0, -2)) {
    expect(gap).toBeGreaterThanOrEqual(Math.min(250, age * 0.1))
    expect(gap).toBeLessThanOrEqual(Math.min(250, age * 0.1) + 8)
  }
  expect(looks.length).toBeLessThan(170)
})

test("a look that fails ends no wait before its time, and then with its error", async () => {
  const { state, wait } = setUp()
  const [short, long] = [follow(wait(1, 100)), follow(wait(1, SECOND))]
  state.error = new Error("down")
  await pass(90)
  expect([short, long]).toEqual([{}, {}])
  await pass(30)
  expect(short.error).toBe(state.error)
  state.error = null
  state.level = 1
  await pass(50)
  expect(long.value).toBe(1)
})

test("a look that fails slowly keeps nobody for a second one", async () => {
  const { state, wait } = setUp()
  state.error = new Error("silent")
  state.takes = 2_500
  const first = follow(wait(1, SECOND))
  await pass(500)
  const second = follow(wait(1, SECOND))
  await pass(2_010)
  expect([first.error, second.error]).toEqual([state.error, state.error])
})

test("a client that leaves is asked for no more, and one that has left never", async () => {
  const { looks, wait } = setUp()
  const leaving = new AbortController()
  const [left, stays] = [follow(wait(1, SECOND, leaving.signal)), follow(wait(2, SECOND))]
  await pass(10)
  leaving.abort()
  await pass(0)
  expect("value" in left && left.value === undefined).toBe(true)
  const gone = follow(wait(3, SECOND, leaving.signal))
  const before = looks.length
  await pass(100)
  expect("value" in gone).toBe(true)
  expect(new Set(looks.slice(before).flatMap(({ asked }) => asked))).toEqual(new Set([2]))
  expect(stays).toEqual({})
})

test("nothing is looked at while nobody waits", async () => {
  const { state, looks, wait } = setUp()
  follow(wait(1, SECOND))
  state.level = 1
  await pass(SECOND)
  expect(looks).toHaveLength(1)
  expect(vi.getTimerCount()).toBe(0)
})

test("beyond those that may wait nobody does, until one of them has ended", async () => {
  const { state, wait } = setUp()
  const seen = Array.from({ length: WAITING_MAX }, () => follow(wait(1, 10 * SECOND)))
  expect(await wait(1, SECOND)).toBeUndefined()
  state.level = 1
  await pass(SECOND)
  expect(seen.every(({ value }) => value === 1)).toBe(true)
  const next = follow(wait(1, SECOND))
  await pass(10)
  expect(next.value).toBe(1)
})

test("at the end each is looked at once more, and who comes then does not wait for longer", async () => {
  const { wait, end } = setUp()
  const seen = Array.from({ length: LOOK_MAX + 1 }, () => follow(wait(1, 30 * SECOND)))
  await pass(5 * SECOND)
  end()
  seen.push(follow(wait(1, 30 * SECOND)))
  await pass(20)
  expect(seen.map(({ value }) => value)).toEqual(Array(LOOK_MAX + 2).fill(0))
})
