import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { databaseSuite, type Subject } from "./testing/database.suite.ts"
import { layerMemory } from "./testing/database-memory.ts"
import { tablesSuite } from "./testing/tables.suite.ts"

describe("the database in memory", () => {
  const subject: Subject = {
    test: (sentence, effect) =>
      it.effect(sentence, () => Effect.suspend(() => Effect.provide(effect, layerMemory))),
  }
  databaseSuite(subject)
  tablesSuite(subject)
})
