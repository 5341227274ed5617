/**
 * What every queue does with writes and with what is none. `queue.test.ts` runs this on memory,
 * `queue.integration.test.ts` on each kind of Redis. Leases have a suite of their own.
 */
import { Effect, Fiber } from "effect"
import { expect } from "vitest"
import { Queue } from "../queue.ts"
import { CLAIM_MAX_BYTES } from "../settings.ts"
import { DATABASE } from "./database-memory.ts"
import { batchOf, conserved, item, keysOf, write, writes } from "./kit.ts"
import { QueueOutside } from "./queue-memory.ts"

/** How a suite meets a store: each test gets an empty queue. */
export interface Subject {
  readonly test: (
    sentence: string,
    effect: Effect.Effect<void, unknown, Queue | QueueOutside>,
  ) => void
  /** Lets time pass where a test has to do that; real time passes by itself. */
  readonly pass: (millis: number) => Effect.Effect<void>
}

const both = Effect.gen(function* () {
  const queue = yield* Queue
  expect(yield* queue.seed(0, DATABASE)).toBe("kept")
  return { queue, outside: yield* QueueOutside }
})

const claims = ({ test }: Subject) => {
  test(
    "a write is looked at, claimed and acknowledged, and counted at every step",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      expect(yield* queue.look).toEqual({
        depth: 0,
        oldestAge: 0,
        newestAge: 0,
        asked: false,
        paused: false,
      })

      const version = yield* outside.enqueue(writes("a", "b"))
      expect(yield* conserved).toMatchObject({ queued: 2, inFlight: 0, version: version + 1 })
      expect((yield* queue.look).depth).toBe(2)

      const batch = yield* queue.claim("1", 10, DATABASE)
      expect(batch).toEqual(batchOf(item("a", version, "of a"), item("b", version + 1, "of b")))
      expect(yield* conserved).toMatchObject({ waiting: [], inFlight: 2, processed: 0 })

      expect(yield* queue.acknowledge("1", "Full", 0, [])).toBe(true)
      expect(yield* conserved).toMatchObject({ inFlight: 0, processed: 2, failed: 0, dead: [] })
      expect(yield* outside.leaseLeft("1")).toBeNull()
    }),
  )

  test(
    "the oldest writes are claimed first, each by one claim",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      yield* outside.enqueue(writes("a", "b", "c"))
      yield* outside.enqueue(writes("d", "e"))
      expect(keysOf(yield* queue.claim("1", 2, DATABASE))).toEqual(["a", "b"])
      expect(keysOf(yield* queue.claim("2", 2, DATABASE))).toEqual(["c", "d"])
      expect(yield* conserved).toMatchObject({ inFlight: 4 })
      expect(keysOf(yield* queue.claim("3", 2, DATABASE))).toEqual(["e"])
    }),
  )

  test(
    "claiming the same id again gives the same batch, whatever came since",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      yield* outside.enqueue(writes("a", "b"))
      const first = yield* queue.claim("1", 10, DATABASE)
      yield* outside.enqueue(writes("c"))
      expect(yield* queue.claim("1", 10, DATABASE)).toEqual({ ...first, left: 1 })
      expect(yield* conserved).toMatchObject({ inFlight: 2 })
    }),
  )

  test(
    "a claim stops at its limit of bytes",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      const value = "é".repeat(128 * 1_024)
      yield* outside.enqueue(Array.from({ length: 20 }, (_, i) => write(String(i), value)))
      const batch = yield* queue.claim("1", 1_000, DATABASE)
      expect(batch?.items).toHaveLength(CLAIM_MAX_BYTES / (256 * 1_024))
      expect(yield* conserved).toMatchObject({ inFlight: 16 })
      expect(keysOf(yield* queue.claim("2", 1_000, DATABASE))).toEqual(["16", "17", "18", "19"])
    }),
  )

  test(
    "a paused queue is looked at and gives nothing, but what was claimed before",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      yield* outside.enqueue(writes("a", "b"))
      yield* queue.claim("1", 1, DATABASE)
      yield* outside.pause(true)
      expect(yield* queue.look).toMatchObject({ depth: 1, paused: true })
      expect(keysOf(yield* queue.claim("2", 1, DATABASE))).toEqual([])
      expect(keysOf(yield* queue.claim("1", 1, DATABASE))).toEqual(["a"])
      yield* outside.pause(false)
      expect(keysOf(yield* queue.claim("2", 1, DATABASE))).toEqual(["b"])
    }),
  )

  test(
    "an empty queue gives an empty batch, and no lease",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      expect(yield* queue.claim("1", 10, DATABASE)).toEqual(batchOf())
      expect(yield* outside.leaseLeft("1")).toBeNull()
      expect(yield* queue.acknowledge("1", "Full", 0, [])).toBe(false)
    }),
  )

  test(
    "ten thousand writes are claimed, put back, claimed and buried at once",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      const keys = Array.from({ length: 10_000 }, (_, i) => `key ${i}`)
      yield* outside.enqueue(writes(...keys))
      expect(keysOf(yield* queue.claim("1", 10_000, DATABASE))).toEqual(keys)
      expect(yield* queue.release("1")).toBe(10_000)
      expect(keysOf(yield* queue.claim("2", 10_000, DATABASE))).toEqual(keys)
      expect(yield* queue.acknowledge("2", "Quiet", 10, keys)).toBe(true)
      const { dead, ...counts } = yield* conserved
      expect(counts).toMatchObject({ failed: 10_000, processed: 0, coalesced: 10 })
      expect(counts.windows).toEqual({ Full: 0, Asked: 0, Elapsed: 0, Quiet: 1 })
      expect(dead).toEqual(keys)
    }),
  )

  test(
    "keys and values come back as they were",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      const odd = ['"}{', "\\", "%s %1 %%", "\n\r\t", "é 🙂 \u2028", "__proto__", "NULL", "{a,b}"]
      const given = [...odd.map((text) => write(text, text)), write("empty", "")]
      yield* outside.enqueue(given)
      const batch = yield* queue.claim("1", 100, DATABASE)
      expect(batch?.items.map((item) => item.write)).toEqual(given)
    }),
  )
}

const foreign = ({ test }: Subject) => {
  test(
    "what somebody else pushed gets a version and is counted when it is claimed",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      const own = yield* outside.enqueue(writes("own"))
      yield* outside.push(
        '{"key":"a","value":"b"}',
        ' {\n  "key": "spaced", "value": "{" }',
        `{"version":${Number.MAX_SAFE_INTEGER},"key":"ahead","value":"x"}`,
        `{"version":${"9".repeat(40)},"key":"far ahead","value":"x"}`,
      )
      expect((yield* queue.look).newestAge).not.toBe((yield* queue.look).oldestAge)
      const batch = yield* queue.claim("1", 10, DATABASE)
      expect(keysOf(batch)).toEqual(["own", "a", "spaced", "ahead", "far ahead"])
      const versions = batch?.items.map(({ version }) => version) ?? []
      expect(versions[0]).toBe(own)
      expect(versions.toSorted((a, b) => a - b)).toEqual(versions)
      expect(new Set(versions).size).toBe(5)
      expect(yield* conserved).toMatchObject({ queued: 5, version: versions[4] })
      // Put back and claimed again, they are foreign no more.
      yield* queue.release("1")
      expect((yield* queue.claim("2", 10, DATABASE))?.items).toEqual(batch?.items)
      expect(yield* conserved).toMatchObject({ queued: 5 })
      expect(yield* outside.enqueue(writes("later"))).toBeGreaterThan(versions[4] as number)
    }),
  )

  test(
    "what is no write comes back as unreadable, with the reason, and counts as one",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      // As a number its version is 1, but no enqueue has ever written one so, and no JSON has.
      const zeros = `{"version":${"0".repeat(20)}1,"key":"a","value":"b"}`
      const texts = ["no JSON", "[1]", "{}", "{", '{"key":7,"value":"x"}', '{"key":"a"}', zeros]
      yield* outside.push(...texts)
      const batch = yield* queue.claim("1", 10, DATABASE)
      expect(batch?.items).toEqual([])
      expect(batch?.unreadable.map(({ reason }) => reason)).toEqual([
        "is not an object",
        "is not an object",
        "/key is missing, /value is missing",
        "is not JSON",
        "/key is not a string",
        "/value is missing",
        "is not JSON",
      ])
      expect(batch?.unreadable[0]?.text).toContain('"unreadable":"no JSON"')
      expect(batch?.unreadable.every(({ version }) => version > 0)).toBe(true)
      expect(yield* conserved).toMatchObject({ queued: 7, inFlight: 7 })
      yield* queue.acknowledge("1", "Full", 0, texts)
      expect(yield* conserved).toMatchObject({ failed: 7, processed: 0 })
    }),
  )
}

const waits = ({ test, pass }: Subject) => {
  test(
    "a wait ends at once when a write waits, with the next write, and at its limit",
    Effect.gen(function* () {
      const { queue, outside } = yield* both
      const limited = yield* Effect.forkChild(queue.waitForWrite(0.05))
      yield* pass(50)
      yield* Fiber.join(limited)

      const waiting = yield* Effect.forkChild(queue.waitForWrite(60))
      yield* outside.enqueue(writes("a"))
      yield* Fiber.join(waiting)
      yield* queue.waitForWrite(60)
      expect(keysOf(yield* queue.claim("1", 10, DATABASE))).toEqual(["a"])
    }),
  )
}

export const queueSuite = (subject: Subject) => {
  claims(subject)
  foreign(subject)
  waits(subject)
}
