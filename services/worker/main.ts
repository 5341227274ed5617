/** Starts the worker: the layers, the signals, and the one place where effects run. */
import { randomUUID } from "node:crypto"
import process from "node:process"
import { Cause, Duration, Effect, Exit, Fiber, Layer } from "effect"
import { ConfigError, leftOut, loadConfig } from "../../shared/config.ts"
import { exitOnCrash } from "../../shared/crash.ts"
import { makeLog } from "../../shared/log.ts"
import { printError } from "../../shared/output.ts"
import { layerMetrics } from "./app.ts"
import { Tables } from "./check.ts"
import { ClaimSize } from "./claim/claim-size.ts"
import { layerPostgres } from "./database.ts"
import { Evidence } from "./evidence/evidence.ts"
import { Hold } from "./hold.ts"
import { kindOf, layerLog } from "./log.ts"
import { Report } from "./report/report.ts"
import { serve } from "./serve.ts"
import { Settings, STOP_DEADLINE } from "./settings.ts"
import { Shards } from "./shards.ts"
import { layerSweep } from "./tombstones/sweep.ts"
import { layerTracing } from "./tracing.ts"

const start = () => {
  const config = loadConfig("worker")
  const log = makeLog("worker", config)
  exitOnCrash(log)
  for (const names of leftOut(config)) log("info", "parameters for other clients", names)
  const worker = `worker-${randomUUID().slice(0, 8)}`
  const layer = Layer.mergeAll(Report.layer, Tables.layer, layerMetrics, layerSweep).pipe(
    Layer.provideMerge(Layer.merge(Hold.layer, Evidence.layer)),
    Layer.provideMerge(Layer.mergeAll(Shards.layer, layerPostgres, ClaimSize.layer)),
    Layer.provideMerge(layerTracing(log)),
    Layer.provideMerge(Layer.succeed(Settings, { ...config, worker })),
    Layer.provideMerge(layerLog(log)),
  )
  const fiber = Effect.runFork(Effect.provide(serve, layer))
  let stopping = false
  const stop = () => {
    // A second signal does not wait; what was in flight goes back when its lease ends.
    if (stopping) process.exit(1)
    stopping = true
    log("info", "worker stops")
    setTimeout(() => process.exit(1), Duration.toMillis(STOP_DEADLINE))
    Effect.runFork(Fiber.interrupt(fiber))
  }
  process.on("SIGTERM", stop)
  process.on("SIGINT", stop)
  fiber.addObserver((exit) => {
    const clean = Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)
    if (!clean) log("error", "worker failed", { reason: kindOf(exit.cause) })
    process.exit(clean ? 0 : 1)
  })
  log("info", "worker started", { worker })
}

try {
  start()
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  printError(`${error.message}\n`)
  process.exit(1)
}
