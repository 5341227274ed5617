import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Bite } from "./bite.ts"
import { layerSettings } from "./worker-memory.ts"

const test = (sentence: string, effect: Effect.Effect<void, never, Bite>) =>
  it.effect(sentence, () =>
    Effect.provide(effect, Layer.provide(Bite.layer, layerSettings({ BATCH_MAX: 1_000 }))),
  )

describe("Bite", () => {
  test(
    "starts at BATCH_MAX and never grows beyond",
    Effect.gen(function* () {
      const bite = yield* Bite
      expect(yield* bite.size).toBe(1_000)
      yield* bite.grow(1_000)
      yield* bite.grow(5_000)
      expect(yield* bite.size).toBe(1_000)
    }),
  )

  test(
    "is half of what was too slow, and at least one",
    Effect.gen(function* () {
      const bite = yield* Bite
      yield* bite.shrink(1_000)
      expect(yield* bite.size).toBe(500)
      yield* bite.shrink(100)
      expect(yield* bite.size).toBe(50)
      // A batch that was claimed before the last shrink says nothing against the smaller bite.
      yield* bite.shrink(1_000)
      expect(yield* bite.size).toBe(25)
      for (let i = 0; i < 10; i++) yield* bite.shrink(1)
      expect(yield* bite.size).toBe(1)
    }),
  )

  test(
    "grows by a quarter with each full bite, from one back to BATCH_MAX",
    Effect.gen(function* () {
      const bite = yield* Bite
      yield* bite.shrink(1)
      const sizes: number[] = []
      for (let size = yield* bite.size; size < 1_000; size = yield* bite.size) {
        sizes.push(size)
        yield* bite.grow(size)
      }
      expect(sizes.slice(0, 6)).toEqual([1, 2, 3, 4, 5, 7])
      expect(sizes.length).toBeLessThan(35)
    }),
  )

  test(
    "does not grow with less than a full bite",
    Effect.gen(function* () {
      const bite = yield* Bite
      yield* bite.shrink(1_000)
      yield* bite.grow(499)
      expect(yield* bite.size).toBe(500)
      yield* bite.grow(500)
      expect(yield* bite.size).toBe(625)
    }),
  )
})
