import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { databaseSuite } from "./testing/database.suite.ts"
import { layerMemory } from "./testing/database-memory.ts"

describe("the database in memory", () => {
  databaseSuite({
    test: (sentence, effect) =>
      it.effect(sentence, () => Effect.suspend(() => Effect.provide(effect, layerMemory))),
  })
})
