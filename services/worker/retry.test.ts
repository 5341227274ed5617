import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Random, Schedule } from "effect"
import { acknowledgeRetry, batchRetry, probeBackoff, queueBackoff, releaseRetry } from "./retry.ts"

const SEEDS = 200
const HALF_A_MILLI = 0.5

/** The delays of a schedule when each try fails at once, in milliseconds; at most `limit` of them. */
const delaysOf = (schedule: Schedule.Schedule<unknown>, limit: number, seed: number) =>
  Effect.gen(function* () {
    const step = yield* Schedule.toStep(schedule)
    const delays: number[] = []
    let now = 0
    while (delays.length < limit) {
      const delay = yield* step(now, undefined).pipe(
        Effect.map(([, duration]) => Duration.toMillis(duration)),
        Effect.catch(() => Effect.succeed(null)),
      )
      if (delay === null) break
      delays.push(delay)
      now += delay
    }
    return delays
  }).pipe(Random.withSeed(seed), Effect.scoped)

const overSeeds = (schedule: Schedule.Schedule<unknown>, limit = 1_000) =>
  Effect.forEach(
    Array.from({ length: SEEDS }, (_, seed) => seed),
    (seed) => delaysOf(schedule, limit, seed),
  )

const within = (delay: number, nominal: number) => {
  expect(delay).toBeGreaterThanOrEqual(nominal * 0.8 - HALF_A_MILLI)
  expect(delay).toBeLessThanOrEqual(nominal * 1.2 + HALF_A_MILLI)
}

describe("batchRetry", () => {
  it.effect("waits 1, 2 and 4 s, each times 0.8 to 1.2, and then gives up", () =>
    Effect.gen(function* () {
      const all = yield* overSeeds(batchRetry({ MAX_RETRIES: 3, RETRY_DELAY: 1 }))
      for (const delays of all) {
        expect(delays).toHaveLength(3)
        for (const [i, delay] of delays.entries()) within(delay, 1_000 * 2 ** i)
      }
      // The jitter is used, in both directions.
      const first = all.map(([delay]) => delay as number)
      expect(Math.min(...first)).toBeLessThan(850)
      expect(Math.max(...first)).toBeGreaterThan(1_150)
    }),
  )

  it.effect("does not try again when MAX_RETRIES is 0", () =>
    Effect.gen(function* () {
      for (const delays of yield* overSeeds(batchRetry({ MAX_RETRIES: 0, RETRY_DELAY: 1 }))) {
        expect(delays).toEqual([])
      }
    }),
  )

  it.effect("starts from RETRY_DELAY and tries MAX_RETRIES times", () =>
    Effect.gen(function* () {
      for (const delays of yield* overSeeds(batchRetry({ MAX_RETRIES: 7, RETRY_DELAY: 0.05 }))) {
        expect(delays).toHaveLength(7)
        for (const [i, delay] of delays.entries()) within(delay, 50 * 2 ** i)
      }
    }),
  )
})

describe("probeBackoff", () => {
  it.effect("doubles from 0.1 s to 4 s and stays there for ever, times 0.8 to 1.2", () =>
    Effect.gen(function* () {
      // 5,000 probes are seven hours: far beyond where 2ⁿ leaves the numbers.
      const delays = yield* delaysOf(probeBackoff, 5_000, 1)
      expect(delays).toHaveLength(5_000)
      for (const [i, delay] of delays.entries()) within(delay, Math.min(100 * 2 ** i, 4_000))
    }),
  )

  it.effect("is jittered for every seed", () =>
    Effect.gen(function* () {
      for (const delays of yield* overSeeds(probeBackoff, 10)) {
        for (const [i, delay] of delays.entries()) within(delay, Math.min(100 * 2 ** i, 4_000))
      }
    }),
  )
})

describe("queueBackoff", () => {
  it.effect("doubles from 50 ms to 1 s and stays there for ever, times 0.8 to 1.2", () =>
    Effect.gen(function* () {
      const delays = yield* delaysOf(queueBackoff, 5_000, 1)
      expect(delays).toHaveLength(5_000)
      for (const [i, delay] of delays.entries()) within(delay, Math.min(50 * 2 ** i, 1_000))
    }),
  )
})

describe("acknowledgeRetry and releaseRetry", () => {
  const total = (delays: ReadonlyArray<number>) => delays.reduce((sum, delay) => sum + delay, 0)

  it.effect("an acknowledgement is repeated until the lease has ended", () =>
    Effect.gen(function* () {
      for (const delays of yield* overSeeds(acknowledgeRetry({ LEASE_SECONDS: 10 }))) {
        // The last wait begins within the lease.
        expect(total(delays)).toBeGreaterThan(10_000)
        expect(total(delays.slice(0, -1))).toBeLessThanOrEqual(10_000)
      }
    }),
  )

  it.effect("a release is repeated for 2 s", () =>
    Effect.gen(function* () {
      for (const delays of yield* overSeeds(releaseRetry)) {
        expect(total(delays)).toBeGreaterThan(2_000)
        expect(total(delays)).toBeLessThanOrEqual(3_200)
      }
    }),
  )
})
