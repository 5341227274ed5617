import { afterEach, describe, expect, test, vi } from "vitest"
import { DeadlinePassed } from "../../shared/postgres/postgres.ts"
import { TABLES } from "../../shared/tables.ts"
import { GROUP_MAX_KEYS, QUERIES_MAX, WAITING_MAX_READS } from "./group.ts"
import { DEADLINE_MILLIS, setUp, turn } from "./testing/group.ts"

const { key_values: values, events } = TABLES
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
    const { read, readMany, sizes } = setUp()
    readMany(GROUP_MAX_KEYS - 1)
    void read(values, ["one", "two"])
    await turn()
    expect(sizes()).toEqual([GROUP_MAX_KEYS - 1, 2])
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
    const { queries, read } = setUp()
    for (let turns = 0; turns < QUERIES_MAX; turns++) {
      void read(values, ["1"])
      await turn()
    }
    const answered = vi.fn()
    void read(values, ["1"]).then(answered)
    await turn()
    for (const [index, times] of [0, 0, 1].entries()) {
      queries[index]?.answer()
      await turn()
      await turn()
      expect(answered).toHaveBeenCalledTimes(times)
    }
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
    // Those that were answered have no deadline any more.
    expect(vi.getTimerCount()).toBe(1)
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
