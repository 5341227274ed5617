/**
 * The worker's faults (reliability 4.2): it dies or freezes at each named point between claim and
 * acknowledgement, and what it sent arrives after somebody else has done its work.
 */
import { expect, test } from "vitest"
import { LEASE_MILLIS, type Member } from "../testing/stack.ts"
import { until } from "../testing/until.ts"
import {
  ACKNOWLEDGE,
  CLAIM,
  faults,
  STATEMENT,
  TAKEOVER_MILLIS,
  useFaultStack,
} from "./testing/stack.ts"

/** A lease, the heartbeat that finds it, and what a busy machine adds. */
const NOTICED_MILLIS = TAKEOVER_MILLIS + 3_000

const LATE = /late acknowledgement was refused/

faults("a worker", () => {
  const stack = useFaultStack()
  const first = () => stack().workers[0] as Member

  /** With a second worker, which takes over what the first one leaves. */
  const withSecond = async (during: (second: Member) => Promise<void>) => {
    const second = await stack().add("worker")
    await during(second).finally(() => stack().dismiss(second))
  }
  const redelivered = async () => (await stack().client.stats()).redelivered
  const recovered = async (before: number) =>
    until("a batch is redelivered", async () => (await redelivered()) > before, NOTICED_MILLIS)

  test("killed before it hears what it claimed: the batch is recovered", async () => {
    const before = await redelivered()
    const claimed = first().redis.trap(CLAIM, "lose")
    await stack().oracle.once("claimed", 20)
    await claimed
    expect((await stack().client.stats()).in_flight).toBeGreaterThan(0)
    await first().end("SIGKILL")
    await first().start()
    await recovered(before)
  })

  test("killed after the commit and before the acknowledgement: counted once", async () => {
    const before = await redelivered()
    const acknowledging = first().redis.trap(ACKNOWLEDGE, "cut")
    const [write] = await stack().oracle.once("committed", 1)
    await acknowledging
    await first().end("SIGKILL")
    expect((await stack().client.read(write?.key as string)).version).toBe(write?.version)
    await first().start()
    await recovered(before)
  })

  test("dead, its statement arrives late: it has no effect", async () => {
    const { oracle, client } = stack()
    const held = first().postgres.trap(STATEMENT, "hold")
    const name = oracle.name("late")
    const old = await oracle.post(name, "old")
    await held
    await first().end("SIGKILL")
    await withSecond(async () => {
      await client.visible(old.key, old.version)
      const newer = await oracle.post(name, "newer")
      await client.visible(newer.key, newer.version)
      await first().postgres.deliver()
      const row = await client.read(newer.key)
      expect(row).toMatchObject({ value: newer.value, version: newer.version })
    })
  })

  test("frozen past its lease: its late acknowledgement is refused, and nothing counts twice", async () => {
    const { oracle, client } = stack()
    const before = await client.stats()
    const held = first().redis.trap(ACKNOWLEDGE, "hold")
    await oracle.once("frozen", 5)
    await held
    first().signal("SIGSTOP")
    await withSecond(async () => {
      await recovered(before.redelivered)
      await client.drained()
      await first().redis.deliver()
      first().signal("SIGCONT")
      await until("refused", async () => first().said(LATE) > 0, NOTICED_MILLIS)
    })
    expect((await client.drained()).writes_processed - before.writes_processed).toBe(5)
  })

  test("with a Redis slower than its lease: others do its work, harmlessly", async () => {
    const { oracle, client } = stack()
    const before = await redelivered()
    const claimed = first().redis.trap(CLAIM, "lose")
    await oracle.once("slow", 5)
    await claimed
    first().redis.delay(2 * LEASE_MILLIS)
    await withSecond(async () => {
      await recovered(before)
      await oracle.once("meanwhile", 20)
      await client.drained()
    })
  })

  test("told to stop under load: it leaves cleanly and nothing is left to its lease", async () => {
    const { oracle, client } = stack()
    const before = await redelivered()
    const taken = first().redis.trap(CLAIM, "pass")
    const writing = oracle.once("stopped", 150)
    await taken
    expect(await first().end("SIGTERM")).toEqual({ code: 0, signal: null })
    await writing
    expect(await client.stats()).toMatchObject({ in_flight: 0, workers: 0, redelivered: before })
    await first().start()
  })

  test("killed: health says within a lease that no worker is active", async () => {
    const { client } = stack()
    expect((await client.health()).worker_active).toBe(true)
    const killed = performance.now()
    await first().end("SIGKILL")
    await until("inactive", async () => !(await client.health()).worker_active)
    expect(performance.now() - killed).toBeLessThan(LEASE_MILLIS + 1_000)
  })

  test("one of two, on the same hot keys: there is no deadlock", async () => {
    const { oracle, client, postgres } = stack()
    const deadlocks = async () =>
      (
        await postgres.sql<{ deadlocks: string }>(
          "select deadlocks from pg_stat_database where datname = 'write_buffer'",
        )
      )[0]?.deadlocks
    const before = await deadlocks()
    await withSecond(async () => {
      const name = oracle.name("hot")
      await Promise.all(
        Array.from({ length: 20 }, async (_, hot) => {
          for (let round = 0; round < 20; round++) {
            await oracle.post(`${name}:${hot}`, `round ${round}`)
          }
        }),
      )
      await client.drained()
    })
    expect(await deadlocks()).toBe(before)
  })
})
