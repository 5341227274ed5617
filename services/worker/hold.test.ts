import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { classify } from "./errors.ts"
import { holdReason } from "./hold.ts"
import { refuse } from "./testing/database-memory.ts"
import { away, noTable, parts, refusal, test } from "./testing/kit.ts"
import { Logged } from "./testing/worker-memory.ts"

describe("Hold", () => {
  test(
    "lets everybody pass until somebody enters it, and again after a probe that succeeds",
    Effect.gen(function* () {
      const { hold, onDatabase } = yield* parts
      yield* hold.passed
      expect(yield* hold.reason).toBe("")

      yield* onDatabase.before("probe", away)
      yield* hold.enter(away)
      expect(yield* hold.reason).toBe(holdReason(away))
      const passing = yield* Effect.forkChild(hold.passed)
      yield* TestClock.adjust("1 minute")
      expect(passing.pollUnsafe()).toBeUndefined()

      yield* onDatabase.before("probe", null)
      yield* TestClock.adjust("6 seconds")
      yield* Fiber.join(passing)
      expect(yield* hold.reason).toBe("")
    }),
  )

  test(
    "lasts as long as the outage, with a probe every 3.2 to 4.8 s in the end",
    Effect.gen(function* () {
      const { hold, onDatabase } = yield* parts
      yield* onDatabase.before("probe", away)
      yield* hold.enter(away)
      yield* TestClock.adjust("1 minute")
      const first = yield* onDatabase.count("probe")
      // 0.1 + 0.2 + … + 3.2 s, then about 13 more in the rest of the minute.
      expect(first).toBeGreaterThanOrEqual(16)
      expect(first).toBeLessThanOrEqual(24)
      yield* TestClock.adjust("59 minutes")
      const rest = (yield* onDatabase.count("probe")) - first
      expect(rest).toBeGreaterThanOrEqual((59 * 60) / 4.8)
      expect(rest).toBeLessThanOrEqual((59 * 60) / 3.2)
    }),
  )

  test(
    "probes once at a time, however many batches enter it",
    Effect.gen(function* () {
      const { hold, onDatabase } = yield* parts
      yield* onDatabase.before("probe", Effect.never)
      yield* hold.enter(away)
      yield* hold.enter(away)
      yield* TestClock.adjust("2 seconds")
      yield* hold.enter(noTable)
      yield* TestClock.adjust("2 seconds")
      expect(yield* onDatabase.count("probe")).toBe(1)
    }),
  )

  test(
    "waits longer each time it is entered again, until a batch was stored",
    Effect.gen(function* () {
      const { hold } = yield* parts
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
      yield* hold.settled([])
      expect(yield* held).toBeLessThanOrEqual(140)
    }),
  )

  test(
    "asks again when a probe hangs: what hangs on an old server flows within 10 s on a new one",
    Effect.gen(function* () {
      const { hold, onDatabase } = yield* parts
      yield* onDatabase.before("probe", Effect.never)
      yield* hold.enter(away)
      yield* TestClock.adjust("1 minute")
      expect(yield* hold.reason).toContain("(deadline passed)")
      yield* onDatabase.before("probe", null)
      const passing = yield* Effect.forkChild(hold.passed)
      yield* TestClock.adjust("8800 millis")
      expect(passing.pollUnsafe()).toBeDefined()
    }),
  )

  test(
    "lets batches pass after a probe, and says why until one is stored, when rows were refused",
    Effect.gen(function* () {
      const { hold } = yield* parts
      const refused = refuse("42883")
      yield* hold.enter(refused)
      const passing = yield* Effect.forkChild(hold.passed)
      yield* TestClock.adjust("1 second")
      expect(passing.pollUnsafe()).toBeDefined()
      expect(yield* hold.reason).toBe(holdReason(refused))
      yield* hold.settled([])
      expect(yield* hold.reason).toBe("")
      expect((yield* Logged).map(({ message }) => message)).toEqual([
        "writes are held",
        "writes flow again",
      ])
    }),
  )

  test(
    "says why, says it again when the reason changes, and says when it is over",
    Effect.gen(function* () {
      const { hold, onDatabase } = yield* parts
      const logged = yield* Logged
      const changed = yield* hold.changes
      yield* onDatabase.before("probe", noTable)
      yield* hold.enter(away)
      yield* hold.enter(away)
      yield* changed
      yield* TestClock.adjust("10 seconds")
      yield* changed
      expect(yield* hold.reason).toBe(holdReason(noTable))
      yield* onDatabase.before("probe", null)
      yield* TestClock.adjust("6 seconds")
      yield* changed
      expect(logged.map(({ level, fields }) => [level, fields.reason])).toEqual([
        ["error", holdReason(away)],
        ["error", holdReason(noTable)],
        ["info", undefined],
      ])
      // Nothing has changed since.
      const waiting = yield* Effect.forkChild(changed)
      yield* TestClock.adjust("1 minute")
      expect(waiting.pollUnsafe()).toBeUndefined()
    }),
  )
})

describe("why writes are held", () => {
  it("names the setting that PgBouncer refuses, with what to set instead", () => {
    const refused = refusal("08P01", {
      message: "unsupported startup parameter: statement_timeout",
    })
    expect(holdReason(refused)).toMatch(
      /^PgBouncer refuses the setting statement_timeout: add pgbouncer=true to DATABASE_URL \(SQLSTATE 08P01\)/,
    )
  })

  it.each([
    [
      { code: "CONNECT_TIMEOUT" },
      /^PostgreSQL does not answer \(CONNECT_TIMEOUT\); nothing is lost; it goes on by itself$/,
    ],
    [
      { code: "ECONNREFUSED" },
      /^PostgreSQL is not running, .* \(ECONNREFUSED\); nothing is lost; it goes on by itself$/,
    ],
    [{ code: "ENOTFOUND" }, /host is not known \(ENOTFOUND\)/],
    [
      { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
      /^PostgreSQL cannot be used as it is \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    ],
  ])("%j", (cause, words) => {
    expect(holdReason(classify(cause))).toMatch(words)
  })

  it.each([
    ["42P01", "run npm run migrate"],
    ["42501", "grant insert and update"],
    ["25006", "only reads"],
    ["28P01", "refuses the password"],
    ["28000", "refuses the login"],
    ["3D000", "does not exist"],
    ["08P01", "A proxy like PgBouncer"],
    ["53100", "disk of PostgreSQL is full"],
    ["53300", "raise max_connections"],
    ["57P03", "stops, starts or closes"],
    ["P0001", "A trigger refuses the rows that wait"],
    ["99999", "PostgreSQL refuses the rows that wait"],
  ])("SQLSTATE %s says what it is, what to repair, and the code", (code, words) => {
    const reason = holdReason(refusal(code, { table_name: "canary" }))
    expect(reason).toContain(words)
    expect(reason).toContain(`(SQLSTATE ${code}); `)
    expect(reason).not.toContain("canary")
  })
})
