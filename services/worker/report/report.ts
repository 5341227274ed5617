/**
 * What was written, for those who watch: each batch is counted for Prometheus, and the log has one line
 * a second for all batches of that second, at most, and none while nothing is written. A line for each
 * batch is at level debug; there is never one for a write.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { countBatch, type Ended } from "./metrics.ts"

/** A backlog is hundreds of batches a second. */
const INTERVAL = Duration.seconds(1)

const NOTHING = { batches: 0, writes: 0, rows: 0, slowestMillis: 0 }

export class Report extends Context.Service<
  Report,
  {
    readonly batch: (ended: Ended) => Effect.Effect<void>
  }
>()("write-buffer/worker/Report") {
  static readonly layer = Layer.effect(
    Report,
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      let sum = NOTHING

      const say = Effect.suspend(() => {
        const said = sum
        sum = NOTHING
        return said.batches === 0
          ? Effect.void
          : Effect.annotateLogs(Effect.logInfo("batches written"), said)
      })

      // The last second of a worker that stops.
      yield* Effect.addFinalizer(() => say)

      return Report.of({
        batch: Effect.fnUntraced(function* (ended) {
          const { closing, writes, rows } = ended
          const millis = Math.round(ended.millis)
          yield* countBatch(ended)
          yield* Effect.annotateLogs(Effect.logDebug("batch written"), {
            ...{ window: closing, writes, rows, millis },
          })
          if (sum.batches === 0) yield* Effect.forkIn(Effect.delay(say, INTERVAL), scope)
          sum = {
            batches: sum.batches + 1,
            writes: sum.writes + writes,
            rows: sum.rows + rows,
            slowestMillis: Math.max(sum.slowestMillis, millis),
          }
        }),
      })
    }),
  )
}
