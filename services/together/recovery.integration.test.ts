/**
 * What no fault may change, with real processes, real signals and real servers: every write that was
 * answered 202 is in the table or in the dead letters, once, and the counters say so.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { openDatabase } from "../../shared/postgres/postgres.ts"
import { expectAllStored, sql, writeMany } from "../testing/oracle.ts"
import { REDIS_KINDS, type Stack, startStack } from "../testing/stack.ts"
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
    const accepted = await writeMany(stack, "many", 20_000, 64)
    expect(accepted).toHaveLength(20_000)
    const stats = await expectAllStored(stack, accepted)
    expect(stats.writes_queued).toBe(20_000)
    expect(stats.redelivered).toBe(0)
  })

  test("the depth is seen while no worker takes, and the backlog drains when one comes", async () => {
    await Promise.all(stack.workers().map((worker) => worker.stop()))
    const accepted = await writeMany(stack, "backlog", 500)
    expect((await stack.client.stats()).queue_depth).toBe(500)
    expect(await stack.queue.llen(stack.keys.waiting)).toBe(500)
    expect((await stack.client.health()).worker_active).toBe(false)
    await stack.start("worker")
    await expectAllStored(stack, accepted)
  })

  test("a worker killed between claim and commit loses nothing and counts nothing twice", async () => {
    // The first batch asks for the table's highest version, which would wait for the lock as well.
    await stack.client.write("first", "value of first")
    await stack.client.drained()
    // The lock holds the statement between claim and commit for as long as the kill takes.
    const database = openDatabase(stack.postgres.url, {
      name: "lock",
      maxConnections: 1,
      deadlineMillis: 30_000,
    })
    const killed = Promise.withResolvers<void>()
    const locked = Promise.withResolvers<void>()
    const lock = database.run((query) =>
      query.begin(async (transaction) => {
        await transaction`lock table key_values`
        locked.resolve()
        await killed.promise
      }),
    )
    await locked.promise
    const accepted = await writeMany(stack, "killed", 100)
    await until("writes in flight", async () => (await stack.client.stats()).in_flight > 0)
    const [worker] = stack.workers()
    worker?.kill("SIGKILL")
    await worker?.exited
    killed.resolve()
    await lock
    await database.close()
    await stack.start("worker")
    const stats = await expectAllStored(stack, accepted)
    expect(stats.redelivered).toBeGreaterThan(0)
    expect(stats.writes_queued).toBe(101)
  })

  test("each process stops cleanly", async () => {
    const services = [stack.ingest, stack.reader, stack.stats, ...stack.workers()]
    await Promise.all(services.map((service) => service.stop()))
    for (const service of services) {
      expect(await service.exited, service.name).toEqual({ code: 0, signal: null })
    }
  })

  test("rejected rows are dead letters with their reason, and their neighbours are stored", async () => {
    await sql(stack, "alter table key_values add constraint no_poison check (value <> 'poison')")
    for (let index = 0; index < 5; index++) await stack.client.post(`bad:${index}`, "poison")
    await stack.client.write("shadowed", "value of shadowed")
    await stack.client.post("shadowed", "poison")
    const accepted = await writeMany(stack, "good", 100)
    const stats = await expectAllStored(stack, [...accepted, "shadowed"])
    expect(stats.writes_failed).toBe(6)
    const letters = await stack.queue.lrange(stack.keys.dead, 0, -1)
    expect(letters).toHaveLength(6)
    for (const letter of letters) {
      expect(JSON.parse(letter)).toMatchObject({ value: "poison", sqlstate: "23514" })
    }
  })

  test("a missing table holds all writes and buries none", async () => {
    await sql(stack, "alter table key_values rename to elsewhere")
    const accepted = await writeMany(stack, "held", 50)
    const held = await until("held", async () => {
      const health = await stack.client.health()
      return health.held && health
    })
    expect(held).toMatchObject({ code: 200, status: "degraded" })
    expect(held.held?.join()).toContain("42P01")
    await sql(stack, "alter table elsewhere rename to key_values")
    const stats = await expectAllStored(stack, accepted)
    expect(stats.writes_failed).toBe(0)
  })

  test("a trigger that refuses one row of 500 buries it alone, and one that refuses all, none", async () => {
    await guard("new.value = 'refused'", "raise exception 'refused: %', new.value")
    const accepted = await writeMany(stack, "good", 250)
    await stack.client.post("bad", "refused")
    const stats = await expectAllStored(stack, [...accepted, ...(await writeMany(stack, "z", 250))])
    expect(stats).toMatchObject({ writes_failed: 1, queue_depth: 0, in_flight: 0 })
    const [letter] = await stack.queue.lrange(stack.keys.dead, 0, -1)
    expect(JSON.parse(letter ?? "")).toMatchObject({
      ...{ key: "bad", value: "refused", sqlstate: "P0001" },
      reason: "is refused by the function guard (SQLSTATE P0001)",
    })

    await sql(stack, "drop function guard cascade")
    await guard("true", "perform missing(new.value)")
    const held = await writeMany(stack, "held", 500)
    const health = await until("held", async () => {
      const found = await stack.client.health()
      return found.held && found
    })
    expect(health.held?.join()).toContain("A function that a trigger uses is missing: create it")
    expect(await stack.client.stats()).toMatchObject({ writes_processed: 500, writes_failed: 1 })
    await sql(stack, "create function missing(text) returns void language sql as ''")
    expect((await expectAllStored(stack, held)).writes_failed).toBe(1)
    expect((await stack.client.health()).held).toBeUndefined()
  })
})

/** A trigger whose function does something to the rows of a condition. */
const guard = async (condition: string, statement: string) => {
  await sql(
    stack,
    `create function guard() returns trigger language plpgsql as
     $$ begin if ${condition} then ${statement}; end if; return new; end $$`,
  )
  const trigger = "create trigger guard before insert on key_values"
  await sql(stack, `${trigger} for each row execute function guard()`)
}

test("three workers and hot keys: the last accepted write of each is its row", async () => {
  stack = await start({ workers: 3, env: { BATCH_SIZE: "3", WORKER_POLL_INTERVAL: "0" } })
  const last = new Map<string, string>()
  await Promise.all(
    Array.from({ length: 6 }, async (_, hot) => {
      for (let round = 0; round < 100; round++) {
        await stack.client.write(`hot:${hot}`, `round ${round}`)
        last.set(`hot:${hot}`, `round ${round}`)
      }
    }),
  )
  const stats = await stack.client.drained()
  for (const [key, value] of last) expect((await stack.client.read(key)).value).toBe(value)
  expect(stats).toMatchObject({ writes_processed: 600, writes_failed: 0, workers: 3 })
})

test("a second worker takes over from a killed one within the lease", async () => {
  stack = await start({ workers: 2, env: { WORKER_POLL_INTERVAL: "0" } })
  const [first] = stack.workers()
  const writing = writeMany(stack, "takeover", 2_000)
  await until("work has begun", async () => (await stack.client.stats()).writes_processed > 100)
  first?.kill("SIGKILL")
  await expectAllStored(stack, await writing)
  await until("one worker is left", async () => (await stack.client.stats()).workers === 1)
})

test("SIGTERM returns what cannot be written at once, and the process ends by itself", async () => {
  stack = await start({ own: true })
  await stack.postgres.stop()
  const accepted = await writeMany(stack, "returned", 50)
  const [worker] = stack.workers()
  await worker?.stop()
  expect(await worker?.exited).toEqual({ code: 0, signal: null })
  const stats = await stack.client.stats()
  expect(stats).toMatchObject({ queue_depth: accepted.length, in_flight: 0, workers: 0 })
})
