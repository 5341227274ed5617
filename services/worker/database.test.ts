import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { databaseSuite } from "./database.suite.ts"
import { layerMemory } from "./database-memory.ts"

describe("the database in memory", () => {
  databaseSuite({
    test: (sentence, effect) =>
      it.effect(sentence, () => Effect.suspend(() => Effect.provide(effect, layerMemory))),
  })
})
