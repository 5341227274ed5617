import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { leaseSuite } from "./testing/lease.suite.ts"
import { parkSuite } from "./testing/park.suite.ts"
import { queueSuite, type Subject } from "./testing/queue.suite.ts"
import { layerMemory } from "./testing/queue-memory.ts"
import { seedSuite } from "./testing/seed.suite.ts"
import { layerSettings } from "./testing/worker-memory.ts"

const subject: Subject = {
  test: (sentence, effect) =>
    it.effect(sentence, () => Effect.provide(effect, Layer.provide(layerMemory, layerSettings()))),
  pass: TestClock.adjust,
}

describe("the queue in memory", () => {
  queueSuite(subject)
  leaseSuite(subject)
  seedSuite(subject)
  parkSuite(subject)
})
