/** A whole worker on memory: every service of `main.ts`, and what a test drives and sees them with. */
import { Context, Effect, Layer } from "effect"
import { type Config, loadConfig } from "../../../shared/config.ts"
import type { Fields, Level } from "../../../shared/log.ts"
import { Tables } from "../check.ts"
import { ClaimSize } from "../claim/claim-size.ts"
import { Evidence } from "../evidence/evidence.ts"
import { Hold } from "../hold.ts"
import { Lease } from "../lease.ts"
import { layerLog } from "../log.ts"
import { Queue } from "../queue.ts"
import { Report } from "../report/report.ts"
import { Serving } from "../serving.ts"
import { Settings } from "../settings.ts"
import { Shards } from "../shards.ts"
import * as DatabaseMemory from "./database-memory.ts"
import * as QueueMemory from "./queue-memory.ts"

/** What was logged above level debug, oldest first. */
export class Logged extends Context.Service<
  Logged,
  Array<{ readonly level: Level; readonly message: string; readonly fields: Fields }>
>()("write-buffer/worker/Logged") {}

/** The defaults of the configuration table, and what a test needs otherwise. */
export const layerSettings = (overrides: Partial<Config<"worker">> = {}) =>
  Layer.succeed(Settings, { ...loadConfig("worker", {}), ...overrides, worker: "worker-1" })

/** What the pipelines share, where the only list is the queue at hand. */
export const layerOneShard = Layer.effect(
  Shards,
  Effect.gen(function* () {
    const { WRITE_QUEUE_NAME } = yield* Settings
    const shards = yield* Shards
    yield* shards.opened(WRITE_QUEUE_NAME, yield* Queue)
    return shards
  }),
).pipe(Layer.provide(Shards.layer))

export const layerWorker = (overrides: Partial<Config<"worker">> = {}) => {
  const logged: Logged["Service"] = []
  return Layer.mergeAll(Lease.layer, Report.layer, Tables.layer).pipe(
    Layer.provideMerge(Serving.layer("write_queue")),
    Layer.provideMerge(Layer.merge(Hold.layer, Evidence.layer)),
    Layer.provideMerge(layerOneShard),
    Layer.provideMerge(
      Layer.mergeAll(QueueMemory.layerMemory, DatabaseMemory.layerMemory, ClaimSize.layer),
    ),
    Layer.provideMerge(layerSettings(overrides)),
    Layer.provideMerge(
      layerLog((level, message, fields = {}) => {
        if (level !== "debug") logged.push({ level, message, fields })
      }),
    ),
    Layer.provideMerge(Layer.succeed(Logged, logged)),
  )
}
