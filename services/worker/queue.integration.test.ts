import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { REDIS_KINDS } from "../testing/redis.ts"
import { leaseSuite } from "./testing/lease.suite.ts"
import { parkSuite } from "./testing/park.suite.ts"
import { queueSuite, type Subject } from "./testing/queue.suite.ts"
import { useRedis } from "./testing/redis.ts"
import { seedSuite } from "./testing/seed.suite.ts"

const suites = (kind: "native" | "wasm") => {
  const { layer } = useRedis(kind)
  const subject: Subject = {
    test: (sentence, effect) => it.live(sentence, () => Effect.provide(effect, layer)),
    pass: () => Effect.void,
  }
  queueSuite(subject)
  leaseSuite(subject)
  seedSuite(subject)
  parkSuite(subject)
}

describe("the queue in Valkey (WebAssembly)", () => suites("wasm"))
describe.runIf(REDIS_KINDS[0] === "native")("the queue in Redis", () => suites("native"))
