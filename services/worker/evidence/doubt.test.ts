/** What the whole worker does with rows that are refused without a word about whose fault it is. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Config } from "../../../shared/config.ts"
import { DEFAULT_TABLE } from "../../../shared/item.ts"
import { pipeline } from "../pipeline.ts"
import { Queue } from "../queue.ts"
import { DATABASE, DatabaseFaults, DatabaseOutside, refuse } from "../testing/database-memory.ts"
import { conserved, EVENTS, events, keyOf, tableReason, writes } from "../testing/kit.ts"
import { QueueOutside } from "../testing/queue-memory.ts"
import { Logged, layerWorker } from "../testing/worker-memory.ts"

type Services =
  | Effect.Services<typeof pipeline>
  | QueueOutside
  | DatabaseFaults
  | DatabaseOutside
  | Logged

const test = <E>(
  sentence: string,
  effect: Effect.Effect<void, E, Services>,
  overrides: Partial<Config> = {},
) => it.effect(sentence, () => Effect.suspend(() => Effect.provide(effect, layerWorker(overrides))))

const keys = (count: number, prefix = "key") =>
  writes(...Array.from({ length: count }, (_, i) => `${prefix} ${i}`))

const running = Effect.gen(function* () {
  const worker = yield* Effect.forkChild(pipeline, { startImmediately: true })
  return {
    worker,
    outside: yield* QueueOutside,
    onDatabase: yield* DatabaseFaults,
    table: yield* DatabaseOutside,
  }
})

/** From now on, statements with a key of this prefix are refused. */
const refusePrefix = Effect.fnUntraced(function* (prefix: string | null) {
  const faults = yield* DatabaseFaults
  yield* faults.onWrite((items) =>
    prefix !== null && items.some((each) => keyOf(each).startsWith(prefix))
      ? refuse("P0001")
      : Effect.void,
  )
})

const REFUSED = tableReason(DEFAULT_TABLE, refuse("P0001"))

describe("a bad row at the head of the queue", () => {
  for (const [what, overrides] of [
    ["with a batch behind it", {}],
    ["claimed alone", { BATCH_SIZE: 1, BATCH_MAX: 1 }],
    ["claimed alone by the only place", { BATCH_SIZE: 1, BATCH_MAX: 1, WORKER_CONCURRENCY: 1 }],
    ["without retries", { MAX_RETRIES: 0, BATCH_SIZE: 1, BATCH_MAX: 1, WORKER_CONCURRENCY: 1 }],
  ] as const) {
    test(
      `stops nobody and is buried: ${what}`,
      Effect.gen(function* () {
        yield* refusePrefix("bad")
        const { outside, table } = yield* running
        yield* outside.enqueue([...keys(3, "bad"), ...keys(20)])
        for (let steps = 0; steps < 1_000; steps++) yield* TestClock.adjust(10)
        expect(yield* table.read("key 19")).toBeDefined()
        expect(yield* conserved).toMatchObject({ processed: 20, failed: 3, waiting: [] })
        expect(yield* Logged).not.toContainEqual(
          expect.objectContaining({ message: "writes are held" }),
        )
      }),
      overrides,
    )
  }

  test(
    "that no other write follows is neither buried nor forgotten, and the next one passes at once",
    Effect.gen(function* () {
      yield* refusePrefix("bad")
      const { outside, table } = yield* running
      yield* outside.enqueue(keys(1, "bad"))
      yield* TestClock.adjust("10 minutes")
      expect(yield* conserved).toMatchObject({
        failed: 0,
        workers: { "worker-1": REFUSED },
      })
      yield* outside.enqueue(keys(1))
      yield* TestClock.adjust("6 seconds")
      expect(yield* table.read("key 0")).toBeDefined()
      expect(yield* conserved).toMatchObject({
        ...{ processed: 1, failed: 1, waiting: [], inFlight: 0, redelivered: 0 },
        workers: { "worker-1": "" },
      })
    }),
  )

  test(
    "that several workers went silent with is claimed alone, and stops nobody",
    Effect.gen(function* () {
      yield* refusePrefix("bad")
      const outside = yield* QueueOutside
      const queue = yield* Queue
      yield* queue.seed(0, DATABASE)
      yield* outside.enqueue(keys(1, "bad"))
      for (const id of ["1", "2", "3"]) {
        yield* queue.claim(id, 1, DATABASE)
        yield* outside.expire(id)
        yield* queue.recover(id)
      }
      yield* running
      yield* outside.enqueue(keys(1))
      yield* TestClock.adjust("8 seconds")
      expect(yield* conserved).toMatchObject({ processed: 1, failed: 1, waiting: [] })
    }),
  )

  test(
    "is followed by more than a batch of its kind: they are buried, and who is behind them is stored",
    Effect.gen(function* () {
      yield* refusePrefix("bad")
      const outside = yield* QueueOutside
      yield* outside.enqueue([...keys(450, "bad"), ...keys(100)])
      yield* running
      yield* TestClock.adjust("5 seconds")
      expect(yield* conserved).toMatchObject({ processed: 100, failed: 450, waiting: [] })
    }),
    { BATCH_MAX: 100 },
  )
})

describe("more batches of bad rows than may wait", () => {
  test(
    "stop nobody behind them: they are buried, and the good rows stored",
    Effect.gen(function* () {
      const { outside } = yield* running
      yield* outside.enqueue(keys(1, "before"))
      yield* TestClock.adjust("1 second")
      yield* refusePrefix("bad")
      yield* outside.enqueue([...keys(820, "bad"), ...keys(50)])
      yield* TestClock.adjust("20 seconds")
      expect(yield* conserved).toMatchObject({ processed: 51, failed: 820, waiting: [] })
      expect(yield* Logged).not.toContainEqual(
        expect.objectContaining({ message: "writes are held" }),
      )
    }),
    { BATCH_SIZE: 50, BATCH_MAX: 50 },
  )
})

describe("a table that refuses every row", () => {
  test(
    "for ten minutes: held, said all the time, nothing is buried, and all drains after the repair",
    Effect.gen(function* () {
      const { outside, onDatabase } = yield* running
      yield* outside.enqueue(keys(50, "before"))
      yield* TestClock.adjust("1 second")
      yield* refusePrefix("")
      yield* outside.enqueue(keys(250))
      yield* TestClock.adjust("10 seconds")
      for (let minute = 0; minute < 10; minute++) {
        expect((yield* conserved).workers).toEqual({ "worker-1": REFUSED })
        yield* TestClock.adjust("1 minute")
      }
      expect(yield* conserved).toMatchObject({ processed: 50, failed: 0, dead: [] })
      // Some seventy statements a batch, three batches a round, a round in 6 s or more.
      expect(yield* onDatabase.count("write")).toBeLessThan((600 / 6) * 3 * 70)
      const held = (yield* Logged).filter(({ message }) => message === "writes are held")
      expect(held).toHaveLength(1)

      yield* refusePrefix(null)
      yield* TestClock.adjust("10 seconds")
      expect(yield* conserved).toMatchObject({
        ...{ processed: 300, failed: 0, waiting: [], inFlight: 0 },
        workers: { "worker-1": "" },
      })
    }),
    { BATCH_MAX: 100 },
  )

  test(
    "holds after ten batches that wait, so that no backlog is claimed in vain",
    Effect.gen(function* () {
      yield* refusePrefix("")
      const { outside } = yield* running
      yield* outside.enqueue(keys(100))
      for (let second = 0; second < 60; second++) {
        yield* TestClock.adjust("1 second")
        expect((yield* conserved).inFlight).toBeLessThanOrEqual(12)
      }
    }),
    { BATCH_SIZE: 1, BATCH_MAX: 1 },
  )
})

describe("a table that refuses every row, beside one that does not", () => {
  test(
    "holds that table alone, leaves the only place while its rows wait, and buries nothing",
    Effect.gen(function* () {
      const { outside, onDatabase, table } = yield* running
      yield* outside.enqueue([...events(5), ...keys(1, "before")])
      yield* TestClock.adjust("1 second")
      yield* onDatabase.onWrite((items, { name }) =>
        name === EVENTS.name && items.length > 0 ? refuse("P0001") : Effect.void,
      )
      for (let second = 1; second <= 120; second++) {
        yield* outside.enqueue([...events(2, 100 * second), ...keys(1, `key ${second}`)])
        yield* TestClock.adjust("1 second")
        expect(yield* conserved).toMatchObject({ failed: 0 })
        // A second behind, at most: a batch that waits for evidence has left its place.
        if (second > 1) expect(yield* table.read(`key ${second - 1} 0`)).toBeDefined()
      }
      expect((yield* conserved).workers).toEqual({
        "worker-1": tableReason(EVENTS, refuse("P0001")),
      })
      const held = (yield* Logged).filter(({ message }) => message === "writes are held")
      expect(held).toHaveLength(1)

      yield* onDatabase.onWrite(null)
      yield* TestClock.adjust("15 seconds")
      expect(yield* conserved).toMatchObject({
        ...{ processed: 126 + 240, failed: 0, waiting: [], parked: {}, inFlight: 0 },
        workers: { "worker-1": "" },
      })
      expect(yield* table.count(EVENTS)).toBe(5 + 240)
    }),
    { WORKER_CONCURRENCY: 1 },
  )
})

describe("a worker that is told to stop while a batch waits for evidence", () => {
  test(
    "gives it back at once",
    Effect.gen(function* () {
      yield* refusePrefix("bad")
      const { outside, worker } = yield* running
      yield* outside.enqueue(keys(1, "bad"))
      yield* TestClock.adjust("1 second")
      expect(yield* conserved).toMatchObject({ inFlight: 1 })
      yield* Fiber.interrupt(worker)
      expect(yield* conserved).toMatchObject({ inFlight: 0, waiting: { length: 1 }, failed: 0 })
    }),
  )
})
