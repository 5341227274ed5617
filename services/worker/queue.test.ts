import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { leaseSuite } from "./lease.suite.ts"
import { queueSuite, type Subject } from "./queue.suite.ts"
import { layerMemory } from "./queue-memory.ts"
import { seedSuite } from "./seed.suite.ts"
import { layerSettings } from "./worker-memory.ts"

const subject: Subject = {
  test: (sentence, effect) =>
    it.effect(sentence, () => Effect.provide(effect, Layer.provide(layerMemory, layerSettings()))),
  pass: TestClock.adjust,
}

describe("the queue in memory", () => {
  queueSuite(subject)
  leaseSuite(subject)
  seedSuite(subject)
})
