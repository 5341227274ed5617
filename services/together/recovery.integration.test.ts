/**
 * What no fault may change, with real processes, real signals and real servers: every write that was
 * answered 202 is in the table or in the dead letters, once, and the counters say so.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { HIDE_TABLE, onEachRow, SHOW_TABLE } from "../../shared/testing/table.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { POISON, POISON_SQL } from "../testing/sent.ts"
import { type Stack, startStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

let stack: Stack
const start = (options: Partial<Parameters<typeof startStack>[0]> = {}) =>
  startStack({ redis: REDIS_KINDS[0], ...options })

afterEach(() => stack?.stop())

describe("a stack with one worker", () => {
  beforeEach(async () => {
    stack = await start()
  })

  test("20,000 writes over HTTP are all in the table", async () => {
    const sent = await stack.oracle.once("many", 20_000, 64)
    expect(sent.filter(({ outcome }) => outcome === "ok")).toHaveLength(20_000)
    const stats = await stack.oracle.check()
    expect(stats.writes_queued).toBe(20_000)
    expect(stats.redelivered).toBe(0)
  })

  test("the depth is seen while no worker takes, and the backlog drains when one comes", async () => {
    await Promise.all(stack.workers.map((worker) => worker.end("SIGTERM")))
    await stack.oracle.once("backlog", 500)
    expect((await stack.client.stats()).queue_depth).toBe(500)
    expect(await stack.redis.connection.llen(stack.keys.waiting)).toBe(500)
    expect((await stack.client.health()).worker_active).toBe(false)
    await stack.add("worker")
    await stack.oracle.check()
  })

  test("a worker killed between claim and commit loses nothing and counts nothing twice", async () => {
    // The first batch asks for the table's highest version, which would wait for the lock as well.
    await stack.oracle.once("first", 1)
    await stack.client.drained()
    // The lock holds the statement between claim and commit for as long as the kill takes.
    const unlock = await stack.postgres.lock()
    await stack.oracle.once("killed", 100)
    await until("writes in flight", async () => (await stack.client.stats()).in_flight > 0)
    await stack.workers[0]?.end("SIGKILL")
    await unlock()
    await stack.add("worker")
    const stats = await stack.oracle.check()
    expect(stats.redelivered).toBeGreaterThan(0)
    expect(stats.writes_queued).toBe(101)
  })

  test("each process stops cleanly", async () => {
    const exits = await Promise.all(
      stack.members.map(async ({ name, end }) => [name, await end("SIGTERM")]),
    )
    expect(exits).toEqual(stack.members.map(({ name }) => [name, { code: 0, signal: null }]))
  })

  test("rejected rows are dead letters with their reason, and their neighbours are stored", async () => {
    const { oracle, postgres } = stack
    await postgres.sql(POISON_SQL)
    for (let index = 0; index < 5; index++) await oracle.post(`bad:${index}`, "bad", true)
    await oracle.post("shadowed", "good")
    await oracle.post("shadowed", "bad", true)
    await oracle.once("good", 100)
    expect((await oracle.check()).writes_failed).toBe(6)
    const letters = await deadLetters()
    expect(letters).toHaveLength(6)
    for (const letter of letters) {
      expect(letter).toMatchObject({ value: `${POISON} bad`, sqlstate: "23514" })
    }
  })

  test("a missing table holds all writes and buries none", async () => {
    const { oracle, postgres } = stack
    await postgres.sql(HIDE_TABLE)
    await oracle.once("held", 50)
    const held = await until("held", async () => {
      const health = await stack.client.health()
      return health.held && health
    })
    expect(held).toMatchObject({ code: 200, status: "degraded" })
    expect(held.held?.join()).toContain("42P01")
    await postgres.sql(SHOW_TABLE)
    expect((await oracle.check()).writes_failed).toBe(0)
  })

  test("a trigger that refuses one row of 500 buries it alone, and one that refuses all, none", async () => {
    const { oracle, postgres } = stack
    await guard(`new.value like '${POISON}%'`, "raise exception 'refused: %', new.value")
    await oracle.once("good", 250)
    const { key, value } = await oracle.post("bad", "bad", true)
    await oracle.once("z", 250)
    const stats = await oracle.check()
    expect(stats).toMatchObject({ writes_failed: 1, queue_depth: 0, in_flight: 0 })
    expect(await deadLetters()).toMatchObject([
      {
        key,
        value,
        sqlstate: "P0001",
        reason: "is refused by the function guard (SQLSTATE P0001)",
      },
    ])

    await postgres.sql("drop function guard cascade")
    await guard("true", "perform missing(new.value)")
    await oracle.once("held", 500)
    const health = await until("held", async () => {
      const found = await stack.client.health()
      return found.held && found
    })
    expect(health.held?.join()).toContain("A function that a trigger uses is missing: create it")
    expect(await stack.client.stats()).toMatchObject({ writes_processed: 500, writes_failed: 1 })
    await postgres.sql("create function missing(text) returns void language sql as ''")
    expect((await oracle.check()).writes_failed).toBe(1)
    expect((await stack.client.health()).held).toBeUndefined()
  })
})

/** A trigger whose function does something to the rows of a condition. */
const guard = (condition: string, statement: string) =>
  stack.postgres.sql(onEachRow("guard", `if ${condition} then ${statement}; end if`))

const deadLetters = async () => {
  const letters = await stack.redis.connection.lrange(stack.keys.dead, 0, -1)
  return letters.map((letter) => JSON.parse(letter))
}

test("three workers and hot keys: the last accepted write of each is its row", async () => {
  stack = await start({ workers: 3, env: { BATCH_SIZE: "3", WORKER_POLL_INTERVAL: "0" } })
  const last = await Promise.all(
    Array.from({ length: 6 }, async (_, hot) => {
      for (let round = 0; round < 99; round++) await stack.oracle.post(`hot:${hot}`, `${round}`)
      return await stack.oracle.post(`hot:${hot}`, "last")
    }),
  )
  const stats = await stack.oracle.check()
  for (const { key, value } of last) expect((await stack.client.read(key)).value).toBe(value)
  expect(stats).toMatchObject({ writes_processed: 600, writes_failed: 0, workers: 3 })
})

test("a second worker takes over from a killed one within the lease", async () => {
  stack = await start({ workers: 2, env: { WORKER_POLL_INTERVAL: "0" } })
  const writing = stack.oracle.once("takeover", 2_000, 20)
  await until("work has begun", async () => (await stack.client.stats()).writes_processed > 100)
  await stack.workers[0]?.end("SIGKILL")
  await writing
  await stack.oracle.check()
  await until("one worker is left", async () => (await stack.client.stats()).workers === 1)
})

test("SIGTERM returns what cannot be written at once, and the process ends by itself", async () => {
  stack = await start({ own: true })
  await stack.down("postgres", "SIGINT")
  await stack.oracle.once("returned", 50)
  expect(await stack.workers[0]?.end("SIGTERM")).toEqual({ code: 0, signal: null })
  const stats = await stack.client.stats()
  expect(stats).toMatchObject({ queue_depth: 50, in_flight: 0, workers: 0 })
})
