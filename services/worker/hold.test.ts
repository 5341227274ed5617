import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { DatabaseFaults } from "./database-memory.ts"
import { DatabaseMisconfigured, DatabaseUnavailable } from "./errors.ts"
import { Hold } from "./hold.ts"
import { Logged, layerWorker } from "./worker-memory.ts"

const away = new DatabaseUnavailable({ reason: "ECONNREFUSED", sqlstate: null })
const noTable = new DatabaseMisconfigured({ reason: "SQLSTATE 42P01", sqlstate: "42P01" })

const test = <E>(
  sentence: string,
  effect: Effect.Effect<void, E, Hold | DatabaseFaults | Logged>,
) => it.effect(sentence, () => Effect.suspend(() => Effect.provide(effect, layerWorker())))

const both = Effect.all({ hold: Hold, faults: DatabaseFaults })

describe("Hold", () => {
  test(
    "lets everybody pass until somebody enters it, and again after a probe that succeeds",
    Effect.gen(function* () {
      const { hold, faults } = yield* both
      yield* hold.passed
      expect(yield* hold.reason).toBe("")

      yield* faults.before("probe", away)
      yield* hold.enter(away)
      expect(yield* hold.reason).toBe("DatabaseUnavailable: ECONNREFUSED")
      const passing = yield* Effect.forkChild(hold.passed)
      yield* TestClock.adjust("1 minute")
      expect(passing.pollUnsafe()).toBeUndefined()

      yield* faults.before("probe", null)
      yield* TestClock.adjust("6 seconds")
      yield* Fiber.join(passing)
      expect(yield* hold.reason).toBe("")
    }),
  )

  test(
    "lasts as long as the outage, with a probe every 4 to 6 s in the end",
    Effect.gen(function* () {
      const { hold, faults } = yield* both
      yield* faults.before("probe", away)
      yield* hold.enter(away)
      yield* TestClock.adjust("1 minute")
      const first = yield* faults.count("probe")
      // 0.1 + 0.2 + … + 3.2 s, then about 10 more in the rest of the minute.
      expect(first).toBeGreaterThanOrEqual(14)
      expect(first).toBeLessThanOrEqual(20)
      yield* TestClock.adjust("59 minutes")
      const rest = (yield* faults.count("probe")) - first
      expect(rest).toBeGreaterThanOrEqual((59 * 60) / 6)
      expect(rest).toBeLessThanOrEqual((59 * 60) / 4)
    }),
  )

  test(
    "probes once at a time, however many batches enter it",
    Effect.gen(function* () {
      const { hold, faults } = yield* both
      yield* faults.before("probe", Effect.never)
      yield* hold.enter(away)
      yield* hold.enter(away)
      yield* TestClock.adjust("1 minute")
      yield* hold.enter(noTable)
      yield* TestClock.adjust("1 minute")
      expect(yield* faults.count("probe")).toBe(1)
    }),
  )

  test(
    "waits longer each time it is entered again, until a batch was stored",
    Effect.gen(function* () {
      const { hold } = yield* both
      const held = Effect.gen(function* () {
        yield* hold.enter(away)
        const passing = yield* Effect.forkChild(hold.passed)
        let millis = 0
        while (passing.pollUnsafe() === undefined) {
          yield* TestClock.adjust(10)
          millis += 10
        }
        return millis
      })
      // The database answers each probe, and fails each batch: no hot loop.
      for (const nominal of [100, 200, 400, 800, 1_600]) {
        const millis = yield* held
        expect(millis).toBeGreaterThanOrEqual(nominal * 0.8)
        expect(millis).toBeLessThanOrEqual(nominal * 1.2 + 20)
      }
      yield* hold.settled
      expect(yield* held).toBeLessThanOrEqual(140)
    }),
  )

  test(
    "says why, says it again when the reason changes, and says when it is over",
    Effect.gen(function* () {
      const { hold, faults } = yield* both
      const logged = yield* Logged
      yield* faults.before("probe", noTable)
      yield* hold.enter(away)
      yield* hold.enter(away)
      yield* hold.changed
      yield* TestClock.adjust("10 seconds")
      yield* hold.changed
      expect(yield* hold.reason).toBe("DatabaseMisconfigured: SQLSTATE 42P01")
      yield* faults.before("probe", null)
      yield* TestClock.adjust("6 seconds")
      yield* hold.changed
      expect(logged.map(({ level, fields }) => [level, fields.reason])).toEqual([
        ["error", "DatabaseUnavailable: ECONNREFUSED"],
        ["error", "DatabaseMisconfigured: SQLSTATE 42P01"],
        ["info", undefined],
      ])
      // Nothing has changed since.
      const waiting = yield* Effect.forkChild(hold.changed)
      yield* TestClock.adjust("1 minute")
      expect(waiting.pollUnsafe()).toBeUndefined()
    }),
  )
})
