import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { layerSettings } from "../testing/worker-memory.ts"
import { ClaimSize } from "./claim-size.ts"

const test = (sentence: string, effect: Effect.Effect<void, never, ClaimSize>) =>
  it.effect(sentence, () =>
    Effect.provide(effect, Layer.provide(ClaimSize.layer, layerSettings({ BATCH_MAX: 1_000 }))),
  )

describe("ClaimSize", () => {
  test(
    "starts at BATCH_MAX and never grows beyond",
    Effect.gen(function* () {
      const claimSize = yield* ClaimSize
      expect(yield* claimSize.size).toBe(1_000)
      yield* claimSize.grow(1_000)
      yield* claimSize.grow(5_000)
      expect(yield* claimSize.size).toBe(1_000)
    }),
  )

  test(
    "is half of what was too slow, and at least one",
    Effect.gen(function* () {
      const claimSize = yield* ClaimSize
      yield* claimSize.shrink(1_000)
      expect(yield* claimSize.size).toBe(500)
      yield* claimSize.shrink(100)
      expect(yield* claimSize.size).toBe(50)
      // A batch that was claimed before the last shrink says nothing against the smaller claim.
      yield* claimSize.shrink(1_000)
      expect(yield* claimSize.size).toBe(25)
      for (let i = 0; i < 10; i++) yield* claimSize.shrink(1)
      expect(yield* claimSize.size).toBe(1)
    }),
  )

  test(
    "grows by a quarter with each full claim, from one back to BATCH_MAX",
    Effect.gen(function* () {
      const claimSize = yield* ClaimSize
      yield* claimSize.shrink(1)
      const sizes: number[] = []
      for (let size = yield* claimSize.size; size < 1_000; size = yield* claimSize.size) {
        sizes.push(size)
        yield* claimSize.grow(size)
      }
      expect(sizes.slice(0, 6)).toEqual([1, 2, 3, 4, 5, 7])
      expect(sizes.length).toBeLessThan(35)
    }),
  )

  test(
    "does not grow with less than a full claim",
    Effect.gen(function* () {
      const claimSize = yield* ClaimSize
      yield* claimSize.shrink(1_000)
      yield* claimSize.grow(499)
      expect(yield* claimSize.size).toBe(500)
      yield* claimSize.grow(500)
      expect(yield* claimSize.size).toBe(625)
    }),
  )
})
