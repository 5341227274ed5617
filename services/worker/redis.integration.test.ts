/** What only a real Redis can do to the queue: be full, forget its scripts, lose a reply, be away. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { startProxy } from "../testing/proxy.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import type { QueueOwned, QueueUnavailable } from "./errors.ts"
import { Queue } from "./queue.ts"
import { queueBackoff } from "./retry.ts"
import { DATABASE } from "./testing/database-memory.ts"
import { conserved, keysOf, writes } from "./testing/kit.ts"
import { QueueOutside } from "./testing/queue-memory.ts"
import { layerAt, Redis, useRedis } from "./testing/redis.ts"

const { server, layer } = useRedis(REDIS_KINDS[0], { own: true })

type Services = Queue | QueueOutside | Redis

const test = (sentence: string, effect: Effect.Effect<void, unknown, Services>) =>
  it.live(sentence, () => Effect.provide(effect, layer))

const seeded = Effect.gen(function* () {
  const services = yield* Effect.all({ queue: Queue, outside: QueueOutside, redis: Redis })
  yield* services.queue.seed(0, DATABASE)
  return services
})

/** Once for each time that Redis is not there. */
const again = <A>(step: Effect.Effect<A, QueueUnavailable | QueueOwned>) =>
  Effect.retry(step, queueBackoff)

describe("a full Redis", () => {
  test(
    "refuses new writes before any effect, and still drains",
    Effect.gen(function* () {
      const { queue, outside, redis } = yield* seeded
      const config = (maxmemory: string) =>
        Effect.promise(() => redis.redis.config("SET", "maxmemory", maxmemory))
      yield* outside.enqueue(writes("a", "b", "c", "d", "e", "f"))
      yield* outside.push('{"key":"foreign","value":"x"}')
      yield* queue.claim("1", 2, DATABASE)
      yield* queue.claim("2", 2, DATABASE)

      yield* Effect.acquireRelease(config("1mb"), () => config("0"))
      const before = yield* outside.snapshot
      const refused = yield* Effect.exit(outside.enqueue(writes("g")))
      expect(refused._tag).toBe("Failure")
      expect(String(refused)).toContain("OOM")
      expect(yield* outside.snapshot).toEqual(before)

      expect((yield* queue.look).depth).toBe(3)
      expect(yield* queue.heartbeat(["1", "2"], "held")).toEqual({
        lost: [],
        expired: [],
        lots: [],
        able: ["worker-1"],
      })
      expect(yield* queue.acknowledge("1", "Full", 0, ["dead"])).toBe(true)
      expect(yield* queue.release("2")).toBe(2)
      yield* queue.waitForWrite(5)
      expect(keysOf(yield* queue.claim("3", 10, DATABASE))).toEqual(["c", "d", "e", "f", "foreign"])
      yield* outside.expire("3")
      expect(yield* queue.recover("3")).toBe(5)
      yield* queue.claim("4", 10, DATABASE)
      expect(yield* queue.acknowledge("4", "Full", 0, [])).toBe(true)
      yield* queue.seed(8e15, DATABASE)
      yield* queue.leave
      expect(yield* conserved).toMatchObject({ waiting: [], inFlight: 0, processed: 6, failed: 1 })
    }).pipe(Effect.scoped),
  )

  test(
    "does not make an idle worker spin",
    Effect.gen(function* () {
      const { queue, redis } = yield* seeded
      const config = (maxmemory: string) =>
        Effect.promise(() => redis.redis.config("SET", "maxmemory", maxmemory))
      yield* Effect.acquireRelease(config("1mb"), () => config("0"))
      const begin = performance.now()
      yield* queue.waitForWrite(5)
      expect(performance.now() - begin).toBeGreaterThan(90)
    }).pipe(Effect.scoped),
  )
})

describe("a Redis that forgets its scripts", () => {
  test(
    "is told them again, and nobody notices",
    Effect.gen(function* () {
      const { queue, outside, redis } = yield* seeded
      const forget = Effect.promise(() => redis.redis.script("FLUSH"))
      yield* outside.enqueue(writes("a"))
      yield* queue.claim("1", 1, DATABASE)
      yield* queue.release("1")
      yield* forget
      yield* outside.enqueue(writes("b"))
      yield* forget
      expect(keysOf(yield* queue.claim("2", 10, DATABASE))).toEqual(["a", "b"])
      yield* forget
      expect(yield* queue.acknowledge("2", "Full", 0, [])).toBe(true)
      expect(yield* conserved).toMatchObject({ queued: 2, processed: 2 })
    }),
  )
})

describe("an idle worker", () => {
  test(
    "is blocked in Redis, and wakes with the next write",
    Effect.gen(function* () {
      const { queue, outside, redis } = yield* seeded
      const waiting = yield* Effect.forkChild(queue.waitForWrite(5), { startImmediately: true })
      const blocked = Effect.promise(() => redis.redis.info("clients"))
      yield* Effect.repeat(blocked, { until: (text) => text.includes("blocked_clients:1") })
      const begin = performance.now()
      yield* outside.enqueue(writes("a"))
      yield* Fiber.join(waiting)
      expect(performance.now() - begin).toBeLessThan(500)
      expect((yield* queue.look).depth).toBe(1)
    }),
  )
})

describe("a connection that fails", () => {
  const proxied = (
    sentence: string,
    run: (proxy: Awaited<ReturnType<typeof startProxy>>) => Effect.Effect<void, unknown, Services>,
  ) =>
    it.live(sentence, () =>
      Effect.acquireUseRelease(
        Effect.promise(() => startProxy(server().port)),
        (proxy) =>
          Effect.provide(run(proxy), layerAt(`redis://127.0.0.1:${proxy.port}`, server().url)),
        (proxy) => Effect.sync(proxy.stop),
      ),
    )

  proxied("loses the reply of a claim: claimed again, it is the same batch", (proxy) =>
    Effect.gen(function* () {
      const { queue, outside } = yield* seeded
      yield* outside.enqueue(writes("a", "b", "c"))
      const heard = proxy.loseReplies()
      const claiming = yield* Effect.forkChild(Effect.flip(queue.claim("1", 2, DATABASE)), {
        startImmediately: true,
      })
      yield* Effect.promise(() => heard)
      proxy.heal()
      expect(yield* Fiber.join(claiming)).toMatchObject({
        _tag: "QueueUnavailable",
        reason: "no reply",
      })
      expect(yield* conserved).toMatchObject({ inFlight: 2 })
      expect(keysOf(yield* again(queue.claim("1", 2, DATABASE)))).toEqual(["a", "b"])
      expect(yield* conserved).toMatchObject({ inFlight: 2, waiting: { length: 1 } })
    }),
  )

  proxied("loses the reply of an acknowledgement: it counts once", (proxy) =>
    Effect.gen(function* () {
      const { queue, outside } = yield* seeded
      yield* outside.enqueue(writes("a", "b", "c"))
      yield* queue.claim("1", 2, DATABASE)
      const heard = proxy.loseReplies()
      const acknowledging = yield* Effect.forkChild(
        Effect.flip(queue.acknowledge("1", "Full", 0, ["x"])),
        {
          startImmediately: true,
        },
      )
      yield* Effect.promise(() => heard)
      proxy.heal()
      yield* Fiber.join(acknowledging)
      expect(yield* again(queue.acknowledge("1", "Full", 0, ["x"]))).toBe(false)
      expect(yield* conserved).toMatchObject({ processed: 1, failed: 1, dead: ["x"], inFlight: 0 })
    }),
  )

  proxied("is silent: each step fails by its deadline, and works when it speaks again", (proxy) =>
    Effect.gen(function* () {
      const { queue } = yield* seeded
      proxy.loseReplies()
      const begin = performance.now()
      const steps = [
        queue.look,
        queue.claim("1", 1, DATABASE),
        queue.heartbeat([], ""),
        queue.release("1"),
      ]
      const errors = yield* Effect.forEach(
        steps,
        (step) => Effect.flip(step as Effect.Effect<unknown, QueueUnavailable>),
        { concurrency: "unbounded" },
      )
      expect(errors.map(({ reason }) => reason)).toEqual(steps.map(() => "no reply"))
      expect(performance.now() - begin).toBeLessThan(2_000)
      proxy.heal()
      expect((yield* again(queue.look)).depth).toBe(0)
    }),
  )

  proxied("is refused: each step fails at once, and nothing is kept for later", (proxy) =>
    Effect.gen(function* () {
      const { queue } = yield* seeded
      proxy.stop()
      yield* Effect.repeat(Effect.exit(queue.look), { until: (exit) => exit._tag === "Failure" })
      const begin = performance.now()
      for (let i = 0; i < 10; i++) {
        expect(yield* Effect.flip(queue.acknowledge("1", "Full", 0, []))).toMatchObject({
          _tag: "QueueUnavailable",
          reason: expect.stringMatching(/^not connected: ECONNRE/),
        })
      }
      expect(performance.now() - begin).toBeLessThan(500)
    }),
  )
})
