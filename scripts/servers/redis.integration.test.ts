import { Redis } from "ioredis"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { temporaryDirectory } from "./directory.ts"
import { nativeRedis, startRedis } from "./redis.ts"
import type { Store } from "./store.ts"

const connect = (store: Store): Redis => {
  const redis = new Redis(store.url, { retryStrategy: () => null })
  // A killed server is part of these tests; every command reports its own failure.
  redis.on("error", () => {})
  return redis
}

const kinds = [
  { kind: "native", here: nativeRedis() !== null },
  { kind: "wasm", here: true },
] as const

for (const { kind, here } of kinds) {
  describe.runIf(here)(`Redis (${kind})`, () => {
    let store: Store
    let redis: Redis
    let directory: Awaited<ReturnType<typeof temporaryDirectory>>
    beforeAll(async () => {
      directory = await temporaryDirectory()
      store = await startRedis({ directory: directory.path, kind })
      redis = connect(store)
    })
    afterAll(async () => {
      redis?.disconnect()
      await store?.stop()
      await directory?.remove()
    })

    const untilBlocked = (clients: number) =>
      expect
        .poll(() => redis.info("clients"), { interval: 1 })
        .toContain(`blocked_clients:${clients}`)

    test("scripts have flags, the time and effects", async () => {
      const script = `#!lua flags=allow-oom
        local time = redis.call('TIME')
        return { redis.call('LPUSH', KEYS[1], unpack(ARGV)), time[1] }`
      const [length, seconds] = (await redis.eval(script, 1, "scripted", "a", "b")) as [
        number,
        string,
      ]
      expect(length).toBe(2)
      expect(Math.abs(Number(seconds) - Date.now() / 1_000)).toBeLessThan(5)
    })

    test("a blocked client wakes at once, and times out in time", async () => {
      const blocked = connect(store)
      const waits: number[] = []
      for (let i = 0; i < 5; i++) {
        const moved = blocked.blmove("from", "to", "RIGHT", "LEFT", 5)
        await untilBlocked(1)
        const begin = performance.now()
        await redis.lpush("from", "one")
        expect(await moved).toBe("one")
        waits.push(performance.now() - begin)
      }
      // 1 ms here, where a timer tick is 100 ms; the least of five, for a busy machine.
      expect(Math.min(...waits)).toBeLessThan(50)
      expect(await blocked.blmove("from", "to", "RIGHT", "LEFT", 0.05)).toBeNull()
      blocked.disconnect()
    })

    test("a client that leaves while it is blocked takes nothing with it", async () => {
      const leaver = connect(store)
      leaver.blmove("left", "taken", "RIGHT", "LEFT", 0).catch(() => {})
      await untilBlocked(1)
      leaver.disconnect()
      await untilBlocked(0)
      await redis.lpush("left", "kept")
      expect([await redis.llen("left"), await redis.llen("taken")]).toEqual([1, 0])
    })

    test("large values and a reply of 13 MB do not wait for a timer", async () => {
      const value = "é".repeat(32_768)
      await Promise.all(Array.from({ length: 200 }, () => redis.lpush("large", value)))
      const begin = performance.now()
      const values = await redis.lrange("large", 0, -1)
      // 60 ms here; one piece of 64 KiB for each timer tick would be 20 s.
      expect(performance.now() - begin).toBeLessThan(2_000)
      expect(values.length).toBe(200)
      expect(new Set(values)).toEqual(new Set([value]))
    })

    test("10,000 pipelined writes and 200 round trips are quick", async () => {
      const pipeline = redis.pipeline()
      for (let i = 0; i < 10_000; i++) pipeline.lpush("many", String(i))
      const begin = performance.now()
      await pipeline.exec()
      expect(await redis.llen("many")).toBe(10_000)
      for (let i = 0; i < 200; i++) await redis.ping()
      // 0.3 s here; with a timer tick each, the round trips alone would be 20 s.
      expect(performance.now() - begin).toBeLessThan(3_000)
    })

    test("a full server refuses writes, and still drains", async () => {
      const small = await startRedis({
        directory: `${directory.path}/small`,
        kind,
        settings: { maxmemory: "8mb" },
      })
      onTestFinished(() => small.stop())
      const client = connect(small)
      const fill = async () => {
        for (;;) await client.lpush("full", "x".repeat(65_536))
      }
      await expect(fill()).rejects.toThrow(/^OOM/)
      const drain =
        "#!lua flags=allow-oom\n return redis.call('LMOVE', 'full', 'batch', 'RIGHT', 'LEFT')"
      expect(await client.eval(drain, 0)).toHaveLength(65_536)
      expect(await client.config("GET", "maxmemory-policy")).toContain("noeviction")
      client.disconnect()
    })
  })
}

describe.runIf(nativeRedis() !== null)("a native Redis on disk", () => {
  test("every confirmed write survives kill -9, on the same port", async () => {
    const directory = await temporaryDirectory()
    const started: Store[] = []
    onTestFinished(async () => {
      for (const store of started) await store.stop()
      await directory.remove()
    })
    const start = async (port = 0): Promise<Store> => {
      const store = await startRedis({ directory: directory.path, kind: "native", port })
      started.push(store)
      return store
    }
    const first = await start()
    const before = connect(first)
    await Promise.all(Array.from({ length: 100 }, (_, i) => before.lpush("kept", i)))
    first.kill("SIGKILL")
    expect((await first.exited).signal).toBe("SIGKILL")

    const second = await start(first.port)
    const after = connect(second)
    expect(await after.llen("kept")).toBe(100)

    // Still running when the next start comes: a leftover, which is stopped first.
    await start()
    expect((await second.exited).code).toBe(0)
    for (const client of [before, after]) client.disconnect()
  })
})
