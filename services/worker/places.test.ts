/** A slot that all shards share is not kept by one whose Redis does not answer. */
import { describe, expect } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { Shards } from "./shards.ts"
import { conserved, many, noReply, running, testWith } from "./testing/kit.ts"

const test = testWith({ WORKER_CONCURRENCY: 1 })

/** How many of two slots are free, of which there is one. */
const free = Effect.gen(function* () {
  const { slots } = yield* Shards
  const has = (count: number) =>
    Effect.map(slots.withPermitsIfAvailable(count)(Effect.void), Option.isSome)
  return (yield* has(2)) ? 2 : (yield* has(1)) ? 1 : 0
})

describe("the slot of a batch", () => {
  for (const call of ["claim", "acknowledge"] as const) {
    test(
      `is free while ${call} gets no reply, and the shard takes no other batch`,
      Effect.gen(function* () {
        const { outside, onQueue } = yield* running
        yield* outside.enqueue(many(1, "first"))
        yield* TestClock.adjust("2 seconds")
        yield* onQueue.after(call, Effect.andThen(Effect.sleep("1 second"), noReply))
        yield* outside.enqueue(many(10))
        yield* TestClock.adjust("10 millis")
        expect(yield* free).toBe(0)
        yield* TestClock.adjust("1 second")
        expect(yield* free).toBe(1)
        yield* outside.enqueue(many(10, "later"))
        yield* TestClock.adjust("1 second")
        expect((yield* conserved).waiting).toHaveLength(10)
        yield* onQueue.after(call, null)
        yield* TestClock.adjust("1 minute")
        expect(yield* conserved).toMatchObject({ waiting: [], inFlight: 0, processed: 21 })
        expect(yield* free).toBe(1)
      }),
    )
  }
})
