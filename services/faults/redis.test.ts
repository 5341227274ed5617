/**
 * Redis' faults (reliability 4.3): killed, frozen, full, forgetful, or back with less than it had. While
 * it keeps its data nothing is lost; when it does not, what comes next still wins over old rows.
 */
import { expect, test } from "vitest"
import { TABLE } from "../../shared/testing/table.ts"
import { LEASE_MILLIS } from "../testing/stack.ts"
import { until } from "../testing/until.ts"
import { faults, useFaultStack } from "./testing/stack.ts"

const ANSWER_LIMIT_MILLIS = 2_000

/** Well within a second on an idle machine. */
const RECOVERED_LIMIT_MILLIS = 3_000

/** An hour, in the µs of versions. */
const HOUR = 3_600_000_000

faults("Redis", () => {
  const stack = useFaultStack({ workers: 2 })
  const accepted = () =>
    until(
      "accepting",
      async () => (await stack().oracle.once("again", 1))[0]?.outcome === "ok",
      RECOVERED_LIMIT_MILLIS,
    )
  /**
   * The row of the first write that a Redis takes which has lost its data. The version that was answered is
   * not the one that it gets, which is above the table's: such a Redis keeps no promise.
   */
  const storedAnew = async (name: string) => {
    const { oracle, client } = stack()
    const write = await until(
      "accepting",
      async () => {
        const sent = await oracle.post(name, "new")
        return sent.outcome === "ok" && sent
      },
      RECOVERED_LIMIT_MILLIS,
    )
    const row = await until("the new value", async () => {
      const found = await client.read(write.key)
      return found.value === write.value && found
    })
    write.version = row.version
    return row
  }
  /** Nobody takes: what is accepted stays in the list. */
  const withoutWorkers = async (during: () => Promise<void>) => {
    await Promise.all(stack().workers.map((worker) => worker.end("SIGTERM")))
    await during()
    await Promise.all(stack().workers.map((worker) => worker.start()))
  }

  test("killed under load, with AOF always: nothing accepted is lost", async () => {
    const { oracle, down, up } = stack()
    const writing = oracle.once("killed", 300, 4)
    await oracle.once("before", 20)
    await down("redis", "SIGKILL")
    const asked = performance.now()
    const refused = await oracle.once("down", 5)
    expect(performance.now() - asked).toBeLessThan(ANSWER_LIMIT_MILLIS)
    expect(refused.map(({ outcome }) => outcome)).not.toContain("ok")
    await up("redis")
    await accepted()
    await writing
  })

  test("killed while batches are in flight: they are recovered from its log", async () => {
    const { oracle, postgres, client, down, up } = stack()
    const before = await client.stats()
    const unlock = await postgres.lock()
    await oracle.once("in flight", 30)
    await until("claimed", async () => (await client.stats()).in_flight > 0)
    await Promise.all(stack().workers.map((worker) => worker.end("SIGKILL")))
    await down("redis", "SIGKILL")
    await unlock()
    await up("redis")
    const found = await until("counted", async () => {
      const now = await client.stats()
      return now.queue_depth + now.in_flight > 0 && now
    })
    expect(found.writes_queued).toBe(before.writes_queued + 30)
    expect(found.in_flight).toBeGreaterThan(0)
  })

  test("stopped and started: workers and ingest connect again by themselves", async () => {
    const { oracle, down, up } = stack()
    await oracle.once("before", 20)
    await down("redis", "SIGTERM")
    await oracle.once("down", 5)
    await up("redis")
    await accepted()
  })

  test("frozen for twice the lease: 503 in time, and no wedge afterwards", async () => {
    const { oracle, redis, client } = stack()
    await oracle.once("before", 20)
    redis.kill("SIGSTOP")
    const asked = performance.now()
    const frozen = await oracle.once("frozen", 5, 5)
    expect(performance.now() - asked).toBeLessThan(ANSWER_LIMIT_MILLIS)
    expect(frozen.map(({ outcome }) => outcome)).not.toContain("ok")
    expect((await client.health()).code).toBe(503)
    await new Promise((resume) => setTimeout(resume, 2 * LEASE_MILLIS))
    redis.kill("SIGCONT")
    await accepted()
  })

  test("full: writes are refused with Retry-After, what waits drains, and writes come again", async () => {
    const { oracle, redis, postgres, client } = stack()
    const unlock = await postgres.lock()
    await oracle.once("before", 50)
    await redis.connection.config("SET", "maxmemory", "1mb")
    const full = await oracle.once("full", 10)
    expect(full.map(({ outcome }) => outcome)).toEqual(full.map(() => "refused"))
    await unlock()
    await client.drained()
    await redis.connection.config("SET", "maxmemory", "0")
    await accepted()
  })

  test("cut off in the middle of a write to its log: the last script is all or nothing", async () => {
    const { oracle, redis, client, down, up } = stack()
    await withoutWorkers(async () => {
      await oracle.once("kept", 5, 1)
      const size = await redis.size()
      const [last] = await oracle.once("cut", 1)
      const grown = (await redis.size()) - size
      const before = await client.stats()
      await down("redis", "SIGKILL")
      // Within the last script's transaction: some of its commands are there, its EXEC is not.
      await redis.truncate(size + Math.floor(grown / 2))
      await up("redis")
      const after = await until("counted", async () => {
        const now = await client.stats()
        return now.writes_queued > 0 && now
      })
      expect(after).toMatchObject({
        queue_depth: before.queue_depth - 1,
        writes_queued: before.writes_queued - 1,
      })
      if (last) Object.assign(last, { outcome: "unknown" })
    })
  })

  test("back with nothing: counters begin again together, and the next write of a key wins", async () => {
    const { oracle, redis, client, down, up } = stack()
    const name = oracle.name("old")
    const old = await oracle.post(name, "old")
    await client.visible(old.key, old.version)
    await down("redis", "SIGKILL")
    await redis.forget()
    oracle.lost()
    await up("redis")
    expect((await storedAnew(name)).version).toBeGreaterThan(old.version)
  })

  test("emptied in the middle of a batch: the late acknowledgement counts nothing", async () => {
    const { oracle, redis, postgres, client } = stack()
    const unlock = await postgres.lock()
    await oracle.once("in flight", 10)
    await until("claimed", async () => (await client.stats()).in_flight > 0)
    await redis.connection.flushall()
    oracle.lost()
    await unlock()
    await storedAnew(oracle.name("again"))
  })

  test("back with nothing and a clock behind the table: the next write of a key still wins", async () => {
    const { oracle, redis, postgres, client } = stack()
    const name = oracle.name("future")
    const old = await oracle.post(name, "old")
    await client.visible(old.key, old.version)
    await client.drained()
    await postgres.sql(`update ${TABLE} set version = version + ${HOUR} where key = '${old.key}'`)
    await redis.connection.flushall()
    oracle.lost()
    expect((await storedAnew(name)).version).toBeGreaterThan(old.version + HOUR)
  })

  test("told to forget its scripts and its clients under load: nobody loses a write", async () => {
    const { oracle, redis } = stack()
    let isDone = false
    const breaking = (async () => {
      while (!isDone) {
        await redis.connection.script("FLUSH")
        await redis.connection.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await new Promise((resume) => setTimeout(resume, 100))
      }
    })()
    await oracle.once("load", 300, 4)
    isDone = true
    await breaking
  })
})
