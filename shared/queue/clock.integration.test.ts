/** The protocol when the clock of Redis is not what it was: set back, or that of another server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { type Directory, temporaryDirectory } from "../../scripts/servers/directory.ts"
import { nativeRedis } from "../../scripts/servers/redis.ts"
import { hasCompiler, makeClock } from "../../services/testing/clock.ts"
import { openRedis, type TestRedis } from "../../services/testing/redis.ts"
import type { Connection } from "../redis/redis.ts"
import { openQueue, type Queue } from "./queue.ts"

const WRITE = '{"key":"a","value":"v"}'
const DATABASE = "1/db/public"
const LEASE_MILLIS = 10_000
const HOUR_SECONDS = 3_600
const POLL_MILLIS = 10

type Clock = ReturnType<typeof makeClock>

interface Server {
  readonly store: TestRedis
  readonly clock: Clock
  readonly redis: Connection
  readonly queue: Queue
}

const enqueue = async (queue: Queue, count = 1, isFirst = false) => {
  const writes = Array.from({ length: count }, () => WRITE)
  const { first, taken } = await queue.enqueue({ most: 1_000, isFirst, writes })
  expect(taken).toBe(count)
  return first
}
const claim = async (queue: Queue, id: string) => {
  await queue.seed({ highest: 0, database: DATABASE })
  const limits = { most: 10, mostBytes: 1_000_000, lease: LEASE_MILLIS }
  return await queue.claim({ id, ...limits, database: DATABASE })
}
const heartbeat = (queue: Queue, worker: string, ids: string[] = [], lease = LEASE_MILLIS) =>
  queue.heartbeat({ worker, lease, hold: "", most: 10, ids })

describe.runIf(hasCompiler && nativeRedis() !== null)("with a clock that a test sets", () => {
  let directory: Directory
  const servers: Server[] = []

  const start = async (name: string): Promise<Server> => {
    const clock = makeClock(directory.path, name)
    const store = await openRedis("native", {
      own: true,
      env: clock.env,
      settings: {
        appendfsync: "no",
        "repl-diskless-sync-delay": "0",
        "repl-ping-replica-period": "1",
      },
    })
    const redis = store.connection
    const server = { store, clock, redis, queue: openQueue(redis, "write_queue") }
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
    for (const { store } of servers) await store.close()
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
    return replica
  }
  /** The replica as a master, and the last version that it never saw. */
  const promote = async (both: Awaited<ReturnType<typeof pair>>) => {
    const promoted = await cut(both)
    const lost = await enqueue(both.master.queue, 5)
    await promoted.redis.replicaof("NO", "ONE")
    return { queue: promoted.queue, lost: lost + 4 }
  }

  describe("a promoted replica", () => {
    test("whose clock is 30 s behind gives versions above those that it never saw", async () => {
      const both = await pair()
      both.master.clock.set(30)
      await enqueue(both.master.queue, 1, true)
      const { queue, lost } = await promote(both)
      expect(await enqueue(queue, 1, true)).toBeGreaterThan(lost)
    })

    test("does so when versions ran an hour ahead of time before", async () => {
      const both = await pair()
      both.master.clock.set(HOUR_SECONDS)
      await enqueue(both.master.queue, 1, true)
      both.master.clock.set(0)
      await enqueue(both.master.queue)
      const { queue, lost } = await promote(both)
      expect(await enqueue(queue, 1, true)).toBeGreaterThan(lost)
    })

    test("does so when the queue was idle for ten minutes, by the heartbeats of a worker", async () => {
      const both = await pair()
      both.master.clock.set(-600 + 90)
      await enqueue(both.master.queue, 1, true)
      both.master.clock.set(90)
      await heartbeat(both.master.queue, "worker")
      const { queue, lost } = await promote(both)
      expect(await enqueue(queue, 1, true)).toBeGreaterThan(lost)
    })

    test("does so on a connection that it had before, as a replica and as a master", async () => {
      const both = await pair()
      both.master.clock.set(30)
      await enqueue(both.master.queue, 1, true)
      const { queue, lost } = await promote(both)
      expect(await enqueue(queue)).toBeLessThan(lost)
      expect(await enqueue(queue, 1, true)).toBeGreaterThan(lost)
    })

    test("does so once, whatever connections come, and again after the next promotion", async () => {
      const both = await pair()
      const first = await enqueue(both.master.queue, 1, true)
      const promoted = await cut(both)
      await promoted.redis.replicaof("NO", "ONE")
      const lifted = await enqueue(promoted.queue, 1, true)
      expect(lifted - first).toBeGreaterThan(60_000_000)
      expect((await enqueue(promoted.queue, 1, true)) - lifted).toBeLessThan(30_000_000)
      await promoted.redis.replicaof("127.0.0.1", 1)
      await promoted.redis.replicaof("NO", "ONE")
      expect((await enqueue(promoted.queue, 1, true)) - lifted).toBeGreaterThan(60_000_000)
    })

    test("leaves the ages of writes before it and after it as they are", async () => {
      const both = await pair()
      await enqueue(both.master.queue, 1, true)
      const promoted = await cut(both)
      await promoted.redis.replicaof("NO", "ONE")
      both.replica.clock.set(20)
      await enqueue(promoted.queue, 1, true)
      both.replica.clock.set(25)
      const found = await promoted.queue.look({})
      expect(Math.round(found.oldestAge / 5_000)).toBe(5)
      expect(Math.round(found.newestAge / 5_000)).toBe(1)
      const { oldestAge } = await promoted.queue.snapshot({})
      expect(Math.round(oldestAge / 5_000_000)).toBe(5)
    })
  })

  describe("a clock that is set back by an hour", () => {
    const setBack = async () => {
      const [{ redis, queue, clock }] = servers as [Server]
      clock.set(HOUR_SECONDS)
      return {
        redis,
        queue,
        back: () => clock.set(0),
        forward: (seconds: number) => clock.set(seconds),
      }
    }

    test("keeps a batch of a dead worker for one lease, not for an hour", async () => {
      const { queue, back, forward } = await setBack()
      await enqueue(queue)
      await claim(queue, "1")
      await heartbeat(queue, "dead", ["1"])
      back()
      expect(await heartbeat(queue, "alive")).toMatchObject({ lost: [], expired: [], lots: [] })
      forward(LEASE_MILLIS / 1_000 + 1)
      expect(await heartbeat(queue, "alive")).toMatchObject({ lost: [], expired: ["1"], lots: [] })
      expect(await queue.recover({ id: "1" })).toBe(1)
    })

    test("does not cut the lease of a worker that has a longer one", async () => {
      const { redis, queue } = await setBack()
      await heartbeat(queue, "patient", [], 10 * LEASE_MILLIS)
      const deadline = await redis.zscore(queue.keys.workers, "patient")
      await heartbeat(queue, "hasty")
      expect(await redis.zscore(queue.keys.workers, "patient")).toBe(deadline)
    })

    test("counts no dead worker as alive", async () => {
      const { queue, back } = await setBack()
      await heartbeat(queue, "dead")
      expect(await queue.snapshot({})).toMatchObject({ workers: 1 })
      back()
      expect(await queue.snapshot({})).toMatchObject({ workers: 0 })
    })

    test("leaves the ages of writes as they are, also before the next write comes", async () => {
      const { queue, back, forward } = await setBack()
      forward(-20)
      await enqueue(queue)
      forward(HOUR_SECONDS)
      await enqueue(queue)
      back()
      const found = await queue.look({})
      expect(Math.round(found.oldestAge / 10_000)).toBe(2)
      expect(found.newestAge).toBeLessThan(5_000)
      expect(Math.round((await queue.snapshot({})).oldestAge / 10_000_000)).toBe(2)
      await enqueue(queue)
      expect(Math.round((await queue.look({})).oldestAge / 10_000)).toBe(2)
    })

    test("refuses writes whose versions would not be exact any more, and changes nothing", async () => {
      const { redis, queue, back } = await setBack()
      back()
      await redis.hset(queue.keys.counters, "version", Number.MAX_SAFE_INTEGER - 1)
      const refused = queue.enqueue({ most: 10, isFirst: false, writes: [WRITE, WRITE] })
      await expect(refused).rejects.toThrow(/^VERSIONS /)
      expect(await redis.exists(queue.keys.waiting)).toBe(0)
    })

    test("lets versions rise, and ages be what they are", async () => {
      const { queue, back, forward } = await setBack()
      const before = await enqueue(queue)
      back()
      expect(await enqueue(queue)).toBeGreaterThan(before)
      forward(30)
      const found = await queue.look({})
      expect(Math.round(found.oldestAge / 10_000)).toBe(3)
      expect(Math.round(found.newestAge / 10_000)).toBe(3)
      await enqueue(queue)
      expect((await queue.look({})).newestAge).toBeLessThan(5_000)
    })
  })
})
