/** The stats process: GET /stats, the GET /health of the whole, and the page that shows both. */
import { makeSparingLog } from "../../shared/log.ts"
import { metered } from "../../shared/metrics.ts"
import { closeQueue, openQueue, queueErrorReason, untilReady } from "../../shared/queue.ts"
import { serve } from "../../shared/serve.ts"
import { makeApp } from "./app.ts"
import { buildOf } from "./build.ts"
import { openProbe } from "./database.ts"
import { makeEvents } from "./events.ts"
import { makeExamine } from "./health.ts"
import { makeHistory } from "./history.ts"
import { makeFigures } from "./metrics.ts"
import { makeLetters } from "./operations/letters.ts"
import { makeWaiting } from "./operations/waiting.ts"
import { makeCount } from "./queue.ts"
import { makeWorkers } from "./workers.ts"

export default await serve("stats", async (config, log) => {
  const { WRITE_QUEUE_NAME: queueName } = config
  const redis = openQueue(config.REDIS_URL, { name: "stats" })
  // Otherwise the first requests would be refused by a start, not by an outage.
  await untilReady(redis)
  const probe = openProbe(config.DATABASE_URL)
  const sparing = makeSparingLog(log)
  const { isDatabaseUp } = probe
  const health = {
    ...makeCount(redis, queueName),
    isDatabaseUp,
    alerts: {
      depth: config.QUEUE_ALERT_DEPTH,
      ageSeconds: config.QUEUE_ALERT_AGE,
      deadLetters: config.DEAD_LETTERS_ALERT,
    },
    report: (error: unknown) =>
      sparing("warn", "no statistics", { reason: queueErrorReason(error) }),
  }
  const history = makeHistory(health.count)
  const events = makeEvents({
    examine: makeExamine(health),
    workers: makeWorkers(redis, queueName),
    history,
    hasOperations: config.ADMIN_TOKEN !== "",
    build: buildOf(config.BUILD_COMMIT),
  })
  const app = makeApp({
    ...health,
    events,
    operations: {
      letters: makeLetters(redis, queueName, config.VALUE_MAX_BYTES),
      waiting: makeWaiting(redis, queueName, config.VALUE_MAX_BYTES),
      token: config.ADMIN_TOKEN,
      audit: (action, writes) => log("info", "operator", { action, writes }),
    },
  })
  const close = async () => {
    history.end()
    closeQueue(redis)
    await probe.close()
  }
  const fetch = metered(app, makeFigures(health.count, isDatabaseUp))
  return { fetch, endStreams: events.end, close }
})
