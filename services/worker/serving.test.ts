import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { isAmong, Serving, serversOf } from "./serving.ts"
import { Shards } from "./shards.ts"
import { conserved, many, running, test } from "./testing/kit.ts"
import { layerSettings } from "./testing/worker-memory.ts"

const names = (count: number, what: string) =>
  Array.from({ length: count }, (_, index) => `${what}-${index}`)
const serversIn = (shard: string, workers: ReadonlyArray<string>, most: number) =>
  workers.filter((worker) => isAmong(shard, workers, worker, most))

describe("who serves a shard", () => {
  it.each([
    [1, 1, 1],
    [3, 1, 3],
    [50, 1, 4],
    [4, 12, 1],
    [1, 64, 1],
    [50, 12, 4],
    [30, 12, 3],
    [0, 12, 1],
  ])("%i workers and %i shards: %i each", (workers, shards, servers) => {
    expect(serversOf(workers, shards)).toBe(servers)
  })

  it("is the same to all who know the same workers, and as many as should be", () => {
    const workers = names(50, "worker")
    for (const shard of names(64, "shard")) {
      expect(serversIn(shard, workers, 3)).toHaveLength(3)
      expect(serversIn(shard, [...workers].reverse(), 3).sort()).toEqual(
        serversIn(shard, workers, 3).sort(),
      )
    }
  })

  it("is spread over the workers, and changes little when one goes", () => {
    const workers = names(8, "worker")
    const shards = names(64, "shard")
    const byWorker = new Map(workers.map((worker) => [worker, 0]))
    const left = workers.slice(1)
    for (const shard of shards) {
      const [server = ""] = serversIn(shard, workers, 1)
      byWorker.set(server, (byWorker.get(server) ?? 0) + 1)
      if (server !== workers[0]) expect(serversIn(shard, left, 1)).toEqual([server])
    }
    expect(Math.min(...byWorker.values())).toBeGreaterThan(0)
    expect(Math.max(...byWorker.values())).toBeLessThan(20)
  })

  it("counts a worker in whose heartbeat is not there yet", () => {
    expect(isAmong("shard", names(50, "worker"), "worker", 1)).toBe(true)
  })
})

describe("a shard that others serve", () => {
  const others = Array.from({ length: 60 }, (_, index) => `worker-${index}`)

  it.effect("is not counted, and waits to be served again", () =>
    Effect.gen(function* () {
      const serving = yield* Serving
      const shards = yield* Shards
      yield* shards.expect(names(12, "shard"))
      // Whoever is first of these, it is not this worker.
      const first =
        others.find((worker) => isAmong("shard-1", [worker, "worker-1"], worker, 1)) ?? ""
      yield* serving.see([first, "worker-1"])
      expect(yield* serving.isServed).toBe(false)
      const waiting = yield* Effect.forkChild(serving.served)
      yield* TestClock.adjust("1 minute")
      expect(waiting.pollUnsafe()).toBeUndefined()
      yield* serving.see(["worker-1"])
      yield* Fiber.join(waiting)
      expect(yield* serving.isServed).toBe(true)
    }).pipe(
      Effect.provide(
        Serving.layer("shard-1").pipe(
          Layer.provideMerge(Shards.layer),
          Layer.provideMerge(layerSettings()),
        ),
      ),
    ),
  )

  test(
    "is left to them at the end of a window, and taken over when they are gone",
    Effect.gen(function* () {
      const { outside, onQueue } = yield* running
      yield* TestClock.adjust("1 second")
      const serving = yield* Serving
      const before = others.filter((worker) =>
        isAmong("write_queue", [worker, "worker-1"], worker, 1),
      )
      yield* serving.see([...before, "worker-1"])
      expect(yield* serving.isServed).toBe(false)
      yield* TestClock.adjust("6 seconds")
      const claims = yield* onQueue.count("claim")
      yield* outside.enqueue(many(50))
      // The next heartbeat hears of one worker alone.
      yield* TestClock.adjust("1 second")
      expect(yield* onQueue.count("claim")).toBe(claims)
      yield* TestClock.adjust("4 seconds")
      expect(yield* conserved).toMatchObject({ processed: 50, waiting: [] })
    }),
    { LEASE_SECONDS: 30 },
  )
})
