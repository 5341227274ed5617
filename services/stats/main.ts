/** The stats process: GET /stats and the GET /health of the whole. */
import { makeSparingLog } from "../../shared/log.ts"
import { metered } from "../../shared/metrics.ts"
import { closeQueue, openQueue, queueErrorReason, untilReady } from "../../shared/queue.ts"
import { serve } from "../../shared/serve.ts"
import { makeApp } from "./app.ts"
import { openProbe } from "./database.ts"
import { makeFigures } from "./metrics.ts"
import { makeOperations } from "./operations.ts"
import { makeCount } from "./queue.ts"

export default await serve("stats", async (config, log) => {
  const redis = openQueue(config.REDIS_URL, { name: "stats" })
  // Otherwise the first requests would be refused by a start, not by an outage.
  await untilReady(redis)
  const probe = openProbe(config.DATABASE_URL)
  const sparing = makeSparingLog(log)
  const counts = makeCount(redis, config.WRITE_QUEUE_NAME)
  const app = makeApp({
    ...counts,
    isDatabaseUp: probe.isDatabaseUp,
    alertDepth: config.QUEUE_ALERT_DEPTH,
    report: (error) => sparing("warn", "no statistics", { reason: queueErrorReason(error) }),
    admin: {
      operations: makeOperations(redis, config.WRITE_QUEUE_NAME),
      token: config.ADMIN_TOKEN,
      audit: (action, writes) => log("info", "operator", { action, writes }),
    },
  })
  const close = async () => {
    closeQueue(redis)
    await probe.close()
  }
  return { fetch: metered(app, makeFigures(counts.count, probe.isDatabaseUp)), close }
})
