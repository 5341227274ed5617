/** The stats process: GET /stats, the GET /health of the whole, and the page that shows both. */
import { makeSparingLog } from "../../shared/log.ts"
import { metered } from "../../shared/metrics.ts"
import { closeQueue, openQueue, queueErrorReason, untilReady } from "../../shared/queue.ts"
import { serve } from "../../shared/serve.ts"
import { makeApp } from "./app.ts"
import { openProbe } from "./database.ts"
import { makeEvents } from "./events.ts"
import { makeExamine } from "./health.ts"
import { makeFigures } from "./metrics.ts"
import { makeOperations } from "./operations.ts"
import { makeCount } from "./queue.ts"

export default await serve("stats", async (config, log) => {
  const redis = openQueue(config.REDIS_URL, { name: "stats" })
  // Otherwise the first requests would be refused by a start, not by an outage.
  await untilReady(redis)
  const probe = openProbe(config.DATABASE_URL)
  const sparing = makeSparingLog(log)
  const { isDatabaseUp } = probe
  const health = {
    ...makeCount(redis, config.WRITE_QUEUE_NAME),
    isDatabaseUp,
    alertDepth: config.QUEUE_ALERT_DEPTH,
    report: (error: unknown) =>
      sparing("warn", "no statistics", { reason: queueErrorReason(error) }),
  }
  const events = makeEvents(makeExamine(health), {
    alertDepth: config.QUEUE_ALERT_DEPTH,
    hasOperations: config.ADMIN_TOKEN !== "",
  })
  const app = makeApp({
    ...health,
    events,
    admin: {
      operations: makeOperations(redis, config.WRITE_QUEUE_NAME, config.VALUE_MAX_BYTES),
      token: config.ADMIN_TOKEN,
      audit: (action, writes) => log("info", "operator", { action, writes }),
    },
  })
  const close = async () => {
    closeQueue(redis)
    await probe.close()
  }
  const fetch = metered(app, makeFigures(health.count, isDatabaseUp))
  return { fetch, endStreams: events.end, close }
})
