/**
 * The worker's GET /metrics. Several workers on one machine are as good as one: the first has the port,
 * and the others say that they have none and go on, because metrics are no reason not to write.
 */
import { Effect, Layer } from "effect"
import { Hono } from "hono"
import { CONTRACT } from "../../shared/contract.ts"
import { handleTheRest } from "../../shared/http/answer.ts"
import { listen } from "../../shared/http/listen.ts"
import { metered } from "../../shared/http/metrics.ts"
import { Settings } from "./settings.ts"

export const layerMetrics = Layer.effectDiscard(
  Effect.gen(function* () {
    const { PORT, KEEP_ALIVE_SECONDS } = yield* Settings
    if (!PORT) return
    const context = yield* Effect.context<never>()
    const app = new Hono()
    handleTheRest(app, CONTRACT.worker, () => {})
    yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () =>
          listen(
            metered(app, CONTRACT.worker, async () => context),
            { port: PORT },
            { keepAliveTimeout: KEEP_ALIVE_SECONDS * 1_000 },
          ),
        catch: (error) => (error as NodeJS.ErrnoException).code ?? "unknown",
      }),
      ({ server }) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        }),
    ).pipe(
      Effect.catch((reason) =>
        Effect.annotateLogs(Effect.logWarning("no port for metrics, set WORKER_PORT to another"), {
          port: PORT,
          reason,
        }),
      ),
    )
  }),
)
