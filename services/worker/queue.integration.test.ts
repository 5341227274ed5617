import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { nativeRedis } from "../../scripts/redis.ts"
import { leaseSuite } from "./lease.suite.ts"
import { queueSuite, type Subject } from "./queue.suite.ts"
import { useRedis } from "./redis.suite.ts"
import { seedSuite } from "./seed.suite.ts"

const suites = (kind: "native" | "wasm") => {
  const { layer } = useRedis(kind)
  const subject: Subject = {
    test: (sentence, effect) => it.live(sentence, () => Effect.provide(effect, layer)),
    pass: () => Effect.void,
  }
  queueSuite(subject)
  leaseSuite(subject)
  seedSuite(subject)
}

describe("the queue in Valkey (WebAssembly)", () => suites("wasm"))
describe.runIf(nativeRedis() !== null)("the queue in Redis", () => suites("native"))
