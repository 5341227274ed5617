import { afterEach, describe, expect, test, vi } from "vitest"
import { DeadlinePassed } from "../../shared/postgres/postgres.ts"
import type { Found } from "../../shared/table/select.ts"
import type { Table } from "../../shared/table/table.ts"
import { TABLES } from "../../shared/tables.ts"
import {
  GROUP_MAX_KEYS,
  GROUP_MIN_KEYS,
  makeRead,
  QUERIES_MAX,
  type Read,
  SLOW_MILLIS,
  WAITING_MAX_READS,
} from "./group.ts"

const { key_values: values, events } = TABLES
const DEADLINE_MILLIS = 2_500

const turn = () => new Promise((resume) => setImmediate(resume))

/** Reads whose queries are answered when the test says so. */
const setUp = () => {
  const queries: Array<{
    table: Table
    keys: ReadonlyArray<string>
    answer: () => void
    fail: (error: unknown) => void
  }> = []
  const query: Read = (table, keys) =>
    new Promise((resolve, reject) => {
      const rows = keys.map((key): [string, Found] => [key, { version: Number(key), row: null }])
      queries.push({ table, keys, answer: () => resolve(new Map(rows)), fail: reject })
    })
  const read = makeRead(query, DEADLINE_MILLIS)
  let next = 0
  /** So many reads of a key each that no other has. */
  const readMany = (count: number) =>
    Array.from({ length: count }, () => read(values, [String(next++)]))
  /** Answers each query until there are no more. */
  const answerAll = async () => {
    for (let index = 0; index < queries.length; index++) {
      queries[index]?.answer()
      for (let turns = 0; turns < 3; turns++) await turn()
    }
  }
  const sizes = () => queries.map(({ keys }) => keys.length)
  return { queries, read, readMany, answerAll, sizes }
}

/** Only the clock and the timers of deadlines: turns go on by themselves. */
const stopClock = () => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
afterEach(() => {
  vi.useRealTimers()
})

describe("the reads of one turn", () => {
  test("are one query of each table, which asks for each key once", async () => {
    const { queries, read, answerAll } = setUp()
    const reads = [
      read(values, ["1"]),
      read(events, ["1"]),
      read(values, ["2", "3"]),
      read(values, ["1"]),
    ]
    await turn()
    expect(queries).toMatchObject([
      { table: values, keys: ["1", "2", "3"] },
      { table: events, keys: ["1"] },
    ])
    await answerAll()
    const rows = await Promise.all(reads)
    expect(rows[2]?.get("3")).toEqual({ version: 3, row: null })
    expect(rows[1]).not.toBe(rows[0])
  })

  test("are as many queries as their keys need, two at a time", async () => {
    const { readMany, sizes, answerAll } = setUp()
    const reads = readMany(3 * GROUP_MAX_KEYS + 1)
    await turn()
    expect(sizes()).toEqual(Array(QUERIES_MAX).fill(GROUP_MAX_KEYS))
    await answerAll()
    expect(sizes()).toEqual([GROUP_MAX_KEYS, GROUP_MAX_KEYS, GROUP_MAX_KEYS, 1])
    for (const [index, rows] of (await Promise.all(reads)).entries()) {
      expect(rows.get(String(index))?.version).toBe(index)
    }
  })

  test("never part the keys of one read", async () => {
    const { read, readMany, sizes, answerAll } = setUp()
    const one = Array.from({ length: 100 }, (_, index) => `one ${index}`)
    const reads = [...readMany(GROUP_MAX_KEYS - 1), read(values, one)]
    await turn()
    await answerAll()
    expect(sizes()).toEqual([GROUP_MAX_KEYS - 1, one.length])
    expect((await reads.at(-1))?.size).toBe(one.length)
  })
})

describe("reads of later turns", () => {
  test("gather while two queries are under way, and are sent with the first that returns", async () => {
    const { queries, readMany, sizes } = setUp()
    for (let turns = 0; turns < 5; turns++) {
      readMany(1)
      await turn()
    }
    expect(sizes()).toEqual([1, 1])
    queries[1]?.answer()
    await turn()
    await turn()
    expect(sizes()).toEqual([1, 1, 3])
  })

  test("are never answered by a query that was sent before them", async () => {
    const { queries, read, answerAll } = setUp()
    const first = read(values, ["1"])
    await turn()
    const second = read(values, ["1"])
    await turn()
    expect(queries).toHaveLength(2)
    await answerAll()
    expect(await first).not.toBe(await second)
  })
})

describe("a query that fails", () => {
  test("fails its own reads; what gathered meanwhile is asked", async () => {
    const { queries, readMany, answerAll } = setUp()
    const reads = []
    for (let turns = 0; turns < 3; turns++) {
      reads.push(...readMany(1))
      await turn()
    }
    const error = new Error("refused")
    const settled = Promise.allSettled(reads)
    queries[0]?.fail(error)
    await turn()
    await answerAll()
    expect(await settled).toMatchObject([
      { status: "rejected", reason: error },
      { status: "fulfilled" },
      { status: "fulfilled" },
    ])
  })

  test("by its deadline fails what gathered meanwhile, and nothing of another table", async () => {
    const { queries, read, readMany } = setUp()
    const [first = Promise.reject()] = readMany(1)
    await turn()
    readMany(1)
    await turn()
    const [gathered = Promise.reject()] = readMany(1)
    const others = [read(events, ["1"]), read(events, ["2"])]
    await turn()
    const error = new DeadlinePassed("late")
    queries[0]?.fail(error)
    await expect(first).rejects.toBe(error)
    await expect(gathered).rejects.toBe(error)
    const query = queries.find(({ table }) => table === events)
    query?.answer()
    expect(await Promise.all(others)).toHaveLength(2)
  })

  test("leaves room for the next ones", async () => {
    const { queries, readMany, answerAll } = setUp()
    for (let round = 0; round < 3 * QUERIES_MAX; round++) {
      const [read = Promise.reject()] = readMany(1)
      await turn()
      queries.at(-1)?.fail(new DeadlinePassed("late"))
      await expect(read).rejects.toThrow()
      await turn()
    }
    const reads = readMany(2)
    await turn()
    await answerAll()
    expect(await Promise.all(reads)).toHaveLength(2)
  })
})

describe("a read", () => {
  test("fails by its deadline, also when its query began late", async () => {
    stopClock()
    const { queries, readMany } = setUp()
    readMany(1)
    await turn()
    readMany(1)
    await turn()
    const [gathered = Promise.reject()] = readMany(1)
    await turn()
    vi.advanceTimersByTime(DEADLINE_MILLIS - 100)
    queries[0]?.answer()
    queries[1]?.answer()
    await turn()
    await turn()
    expect(queries).toHaveLength(3)
    const late = expect(gathered).rejects.toBeInstanceOf(DeadlinePassed)
    vi.advanceTimersByTime(100)
    await late
    expect(vi.getTimerCount()).toBe(0)
  })

  test("that is late before its query is sent is not asked for", async () => {
    stopClock()
    const { queries, readMany, sizes } = setUp()
    const early = readMany(1)
    await turn()
    early.push(...readMany(1))
    await turn()
    const gathered = readMany(1)
    const failed = Promise.allSettled([...early, ...gathered])
    vi.advanceTimersByTime(DEADLINE_MILLIS)
    expect((await failed).map(({ status }) => status)).toEqual(Array(3).fill("rejected"))
    queries[0]?.answer()
    await turn()
    await turn()
    expect(sizes()).toEqual([1, 1])
  })

  test("beyond those that may wait is refused, until one of them is answered", async () => {
    const { read, readMany, answerAll } = setUp()
    const reads = readMany(WAITING_MAX_READS)
    await expect(read(values, ["more"])).rejects.toMatchObject({ code: "TOO_MANY_READS" })
    const other = read(events, ["1"])
    await turn()
    await answerAll()
    expect((await Promise.all(reads)).length).toBe(WAITING_MAX_READS)
    await other
    const again = read(values, ["more"])
    await turn()
    await answerAll()
    expect((await again).has("more")).toBe(true)
  })
})

test("a slow query of few keys says little about groups", async () => {
  stopClock()
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
  stopClock()
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
