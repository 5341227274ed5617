/** The protocol when the clock of Redis is not what it was: set back, or that of another server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { type Directory, temporaryDirectory } from "../scripts/directory.ts"
import { nativeRedis, startRedis } from "../scripts/redis.ts"
import type { Store } from "../scripts/store.ts"
import { hasCompiler, makeClock } from "./clock.suite.ts"
import { openQueue, type QueueConnection, queueKeys, untilReady } from "./queue.ts"

const KEYS = queueKeys("write_queue")
const WRITE = '{"key":"a","value":"v"}'
const DATABASE = "1/db/public"
const LEASE_MILLIS = 10_000
const HOUR_SECONDS = 3_600
const POLL_MILLIS = 10

type Clock = ReturnType<typeof makeClock>

interface Server {
  readonly store: Store
  readonly clock: Clock
  readonly redis: QueueConnection
}

const enqueue = async (redis: QueueConnection, writes = 1, isFirst = false) => {
  const items = Array.from({ length: writes }, () => WRITE)
  const [, first, taken] = await redis.enqueue(
    ...[KEYS.waiting, KEYS.counters, KEYS.workers, 1_000, isFirst ? 1 : 0],
    ...items,
  )
  expect(taken).toBe(writes)
  return first
}
const claim = async (redis: QueueConnection, id: string) => {
  await redis.seed(KEYS.waiting, KEYS.counters, KEYS.leases, 0, DATABASE)
  const keys = [KEYS.waiting, KEYS.batch(id), KEYS.leases, KEYS.counters, KEYS.silences]
  return await redis.claim(...keys, id, 10, 1_000_000, LEASE_MILLIS, DATABASE)
}
const heartbeat = (redis: QueueConnection, worker: string, ...batches: string[]) =>
  redis.heartbeat(
    ...[KEYS.leases, KEYS.workers, KEYS.holds, KEYS.counters],
    ...[worker, LEASE_MILLIS, "", 10, ...batches],
  )
const snapshot = async (redis: QueueConnection) => {
  const [now, , , workers, , oldest] = await redis.snapshot(
    ...[KEYS.waiting, KEYS.leases, KEYS.workers, KEYS.counters, KEYS.dead, KEYS.holds],
    KEYS.batchPrefix,
  )
  return { workers, oldestSeconds: oldest === 0 ? 0 : (now - oldest) / 1_000_000 }
}
const ages = async (redis: QueueConnection) => {
  const [, oldest, newest] = await redis.look(KEYS.waiting, KEYS.counters)
  return { oldest, newest }
}

describe.runIf(hasCompiler && nativeRedis() !== null)("with a clock that a test sets", () => {
  let directory: Directory
  const servers: Server[] = []

  const start = async (name: string): Promise<Server> => {
    const clock = makeClock(directory.path, name)
    const store = await startRedis({
      directory: `${directory.path}/${name}`,
      kind: "native",
      env: clock.env,
      settings: {
        appendfsync: "no",
        "repl-diskless-sync-delay": "0",
        "repl-ping-replica-period": "1",
      },
    })
    const redis = openQueue(store.url, { name: "test" })
    await untilReady(redis)
    const server = { store, clock, redis }
    servers.push(server)
    return server
  }

  beforeAll(async () => {
    directory = await temporaryDirectory()
    await Promise.all([start("master"), start("replica")])
  })
  beforeEach(async () => {
    for (const { clock, redis } of servers) {
      clock.set(0)
      await redis.replicaof("NO", "ONE")
      await redis.flushall()
    }
  })
  afterAll(async () => {
    for (const { redis, store } of servers) {
      redis.disconnect()
      await store.stop()
    }
    await directory?.remove()
  })

  const pair = async () => {
    const [master, replica] = servers as [Server, Server]
    await replica.redis.replicaof("127.0.0.1", master.store.port)
    while (!(await replica.redis.info("replication")).includes("master_link_status:up")) {
      await new Promise((resume) => setTimeout(resume, POLL_MILLIS))
    }
    return { master, replica }
  }
  /** From now on the replica hears nothing of what the master does; `written` of it has arrived. */
  const cut = async ({ master, replica }: Awaited<ReturnType<typeof pair>>) => {
    await master.redis.wait(1, 5_000)
    await replica.redis.replicaof("127.0.0.1", 1)
    return replica.redis
  }

  describe("a promoted replica", () => {
    test("whose clock is 30 s behind gives versions above those that it never saw", async () => {
      const both = await pair()
      both.master.clock.set(30)
      await enqueue(both.master.redis, 1, true)
      const promoted = await cut(both)
      const lost = await enqueue(both.master.redis, 5)
      await promoted.replicaof("NO", "ONE")
      expect(await enqueue(promoted, 1, true)).toBeGreaterThan(lost + 4)
    })

    test("does so when versions ran an hour ahead of time before", async () => {
      const both = await pair()
      both.master.clock.set(HOUR_SECONDS)
      await enqueue(both.master.redis, 1, true)
      both.master.clock.set(0)
      await enqueue(both.master.redis)
      const promoted = await cut(both)
      const lost = await enqueue(both.master.redis, 5)
      await promoted.replicaof("NO", "ONE")
      expect(await enqueue(promoted, 1, true)).toBeGreaterThan(lost + 4)
    })

    test("does so when the queue was idle for ten minutes, by the heartbeats of a worker", async () => {
      const both = await pair()
      both.master.clock.set(-600 + 90)
      await enqueue(both.master.redis, 1, true)
      both.master.clock.set(90)
      await heartbeat(both.master.redis, "worker")
      const promoted = await cut(both)
      const lost = await enqueue(both.master.redis, 5)
      await promoted.replicaof("NO", "ONE")
      expect(await enqueue(promoted, 1, true)).toBeGreaterThan(lost + 4)
    })

    test("does so once, whatever connections come, and again after the next promotion", async () => {
      const both = await pair()
      const first = await enqueue(both.master.redis, 1, true)
      const promoted = await cut(both)
      await promoted.replicaof("NO", "ONE")
      const lifted = await enqueue(promoted, 1, true)
      expect(lifted - first).toBeGreaterThan(60_000_000)
      expect((await enqueue(promoted, 1, true)) - lifted).toBeLessThan(30_000_000)
      await promoted.replicaof("127.0.0.1", 1)
      await promoted.replicaof("NO", "ONE")
      expect((await enqueue(promoted, 1, true)) - lifted).toBeGreaterThan(60_000_000)
    })

    test("leaves the ages of writes before it and after it as they are", async () => {
      const both = await pair()
      await enqueue(both.master.redis, 1, true)
      const promoted = await cut(both)
      await promoted.replicaof("NO", "ONE")
      both.replica.clock.set(20)
      await enqueue(promoted, 1, true)
      both.replica.clock.set(25)
      const found = await ages(promoted)
      expect(Math.round(found.oldest / 5_000)).toBe(5)
      expect(Math.round(found.newest / 5_000)).toBe(1)
      expect(Math.round((await snapshot(promoted)).oldestSeconds / 5)).toBe(5)
    })
  })

  describe("a clock that is set back by an hour", () => {
    const setBack = async () => {
      const [{ redis, clock }] = servers as [Server]
      clock.set(HOUR_SECONDS)
      return { redis, back: () => clock.set(0), forward: (seconds: number) => clock.set(seconds) }
    }

    test("keeps a batch of a dead worker for one lease, not for an hour", async () => {
      const { redis, back, forward } = await setBack()
      await enqueue(redis)
      await claim(redis, "1")
      await heartbeat(redis, "dead", "1")
      back()
      expect(await heartbeat(redis, "alive")).toEqual([[], []])
      forward(LEASE_MILLIS / 1_000 + 1)
      expect(await heartbeat(redis, "alive")).toEqual([[], ["1"]])
      const keys = [KEYS.waiting, KEYS.batch("1"), KEYS.leases, KEYS.counters, KEYS.silences]
      expect(await redis.recover(...keys, "1")).toBe(1)
    })

    test("does not cut the lease of a worker that has a longer one", async () => {
      const { redis } = await setBack()
      await redis.heartbeat(
        ...[KEYS.leases, KEYS.workers, KEYS.holds, KEYS.counters],
        ...["patient", 10 * LEASE_MILLIS, "", 10],
      )
      const deadline = await redis.zscore(KEYS.workers, "patient")
      await heartbeat(redis, "hasty")
      expect(await redis.zscore(KEYS.workers, "patient")).toBe(deadline)
    })

    test("counts no dead worker as alive", async () => {
      const { redis, back } = await setBack()
      await heartbeat(redis, "dead")
      expect(await snapshot(redis)).toMatchObject({ workers: 1 })
      back()
      expect(await snapshot(redis)).toMatchObject({ workers: 0 })
    })

    test("lets versions rise, and ages be what they are", async () => {
      const { redis, back, forward } = await setBack()
      const before = await enqueue(redis)
      back()
      expect(await enqueue(redis)).toBeGreaterThan(before)
      forward(30)
      const found = await ages(redis)
      expect(Math.round(found.oldest / 10_000)).toBe(3)
      expect(Math.round(found.newest / 10_000)).toBe(3)
      await enqueue(redis)
      expect((await ages(redis)).newest).toBeLessThan(5_000)
    })
  })
})
