/**
 * Ingest's faults (reliability 4.1): whatever becomes of the process or of its way to Redis, a client
 * hears what happened, or that nobody knows; and nothing is sent twice.
 */
import { expect, test } from "vitest"
import { LEASE_MILLIS } from "../testing/stack.ts"
import { until } from "../testing/until.ts"
import { faults, useFaultStack } from "./testing/stack.ts"

/** A reply of Redis has a second; the rest is this machine's. */
const ANSWER_LIMIT_MILLIS = 2_000

const ENQUEUE = /write_queue/

faults("ingest", () => {
  const stack = useFaultStack()
  const queued = async () => (await stack().client.stats()).writes_queued

  /** Writes all the time while something happens; resolves to what became of them. */
  const underLoad = async (what: () => Promise<unknown>) => {
    const { oracle } = stack()
    let isDone = false
    const writing = (async () => {
      const all = []
      while (!isDone) all.push(...(await oracle.once("load", 20, 4)))
      return all
    })()
    await oracle.once("before", 20)
    await what().finally(() => {
      isDone = true
    })
    return (await writing).map(({ outcome }) => outcome)
  }

  test("killed under load: what was in flight is unknown, and nothing is half written", async () => {
    const { ingest, oracle } = stack()
    const outcomes = await underLoad(async () => {
      await ingest.end("SIGKILL")
      await oracle.once("while it is dead", 5)
      await ingest.start()
    })
    expect(new Set(outcomes)).toContain("refused")
    expect((await oracle.once("after", 5)).map(({ outcome }) => outcome)).not.toContain("refused")
  })

  test("told to stop under load: it exits with 0, and every answer it gave is true", async () => {
    const { ingest } = stack()
    await underLoad(async () => {
      expect(await ingest.end("SIGTERM")).toEqual({ code: 0, signal: null })
    })
  })

  test("frozen, then let go: clients wait, and nothing is queued twice", async () => {
    const { ingest, oracle } = stack()
    const before = await queued()
    const count = oracle.sent.length
    await underLoad(async () => {
      ingest.signal("SIGSTOP")
      await new Promise((resume) => setTimeout(resume, 2 * LEASE_MILLIS))
      ingest.signal("SIGCONT")
    })
    expect((await queued()) - before).toBeLessThanOrEqual(oracle.sent.length - count)
  })

  test("its reply from Redis is lost after the effect: unknown, sent once, and applied", async () => {
    const { ingest, oracle } = stack()
    const [before, applied] = [await queued(), await oracle.applied()]
    const lost = ingest.redis.trap(ENQUEUE, "lose")
    const posting = oracle.once("lost", 1)
    await lost
    ingest.redis.cut()
    expect((await posting)[0]?.outcome).toBe("unknown")
    await stack().client.drained()
    expect(await queued()).toBe(before + 1)
    expect(await oracle.applied()).toBe(applied + 1)
  })

  test("its request to Redis is lost on the way: unknown, and not sent again", async () => {
    const { ingest, oracle } = stack()
    const before = await queued()
    const cut = ingest.redis.trap(ENQUEUE, "cut")
    const posting = oracle.once("cut", 1)
    await cut
    expect((await posting)[0]?.outcome).toBe("unknown")
    await until("connected", async () => (await fetch(`${ingest.url}/health`)).ok)
    expect(await queued()).toBe(before)
  })

  test("its connection to Redis is reset under load: no write is sent twice", async () => {
    const { ingest, oracle } = stack()
    await underLoad(async () => {
      for (let round = 0; round < 5; round++) {
        ingest.redis.cut()
        await oracle.once("between", 5)
      }
    })
  })

  test("its Redis takes three seconds: it answers 503 in time, and keeps nothing back", async () => {
    const { ingest, oracle } = stack()
    ingest.redis.delay(3_000)
    const asked = performance.now()
    const slow = await oracle.once("slow", 50, 50)
    expect(performance.now() - asked).toBeLessThan(ANSWER_LIMIT_MILLIS)
    expect(slow.map(({ outcome }) => outcome)).not.toContain("ok")
    ingest.redis.heal()
    await until("accepting", async () => (await oracle.once("again", 1))[0]?.outcome === "ok")
  })

  test("the same request twice is two writes, and the second is the row", async () => {
    const { oracle, client } = stack()
    const name = oracle.name("twice")
    const first = await oracle.post(name, "same")
    const second = await oracle.post(name, "same")
    expect(second.version).toBeGreaterThan(first.version)
    expect((await client.visible(second.key, second.version)).version).toBe(second.version)
  })
})
