/** The stats process: GET /stats, the GET /health of the whole, and the page that shows both. */
import { tokenFrom } from "../../shared/config.ts"
import { metered } from "../../shared/http/metrics.ts"
import { serve } from "../../shared/http/serve.ts"
import { makeSparingLog } from "../../shared/log.ts"
import { openQueue } from "../../shared/queue/queue.ts"
import { closeRedis, connectRedis, redisErrorReason } from "../../shared/redis/redis.ts"
import { CALLS, makeApp } from "./app.ts"
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
  // Ready, or the first requests would be refused by a start, not by an outage.
  const redis = await connectRedis(config.REDIS_URL, {
    name: "stats",
    slotOf: config.WRITE_QUEUE_NAME,
  })
  if (redis.link.trouble) log("warn", "no queue", { reason: redis.link.trouble })
  const queue = openQueue(redis, config.WRITE_QUEUE_NAME)
  const sparing = makeSparingLog(log)
  const probe = openProbe(config.DATABASE_URL, (reason) =>
    sparing("warn", "no database", { reason }),
  )
  const { databaseTrouble } = probe
  const health = {
    ...makeCount(redis, queue),
    databaseTrouble,
    redis: redis.link,
    alerts: {
      depth: config.QUEUE_ALERT_DEPTH,
      maxDepth: config.QUEUE_MAX_DEPTH,
      ageSeconds: config.QUEUE_ALERT_AGE,
      deadLetters: config.DEAD_LETTERS_ALERT,
    },
    report: (error: unknown) =>
      sparing("warn", "no statistics", { reason: redisErrorReason(error, redis.link) }),
  }
  const history = makeHistory(health.count)
  const events = makeEvents({
    examine: makeExamine(health),
    workers: makeWorkers(queue),
    history,
    hasOperations: config.ADMIN_TOKEN !== "",
    build: buildOf(config.BUILD_COMMIT),
  })
  const app = makeApp({
    ...health,
    events,
    operations: {
      letters: makeLetters(queue, config.VALUE_MAX_BYTES),
      waiting: makeWaiting(queue, config.VALUE_MAX_BYTES),
      identity: probe.identity,
      token: tokenFrom("ADMIN_TOKEN", config),
      audit: (action, writes) =>
        log("info", "operator", { action, ...(writes !== null && { writes }) }),
    },
  })
  const close = async () => {
    history.end()
    closeRedis(redis)
    await probe.close()
  }
  const fetch = metered(app, CALLS, makeFigures(health.count, databaseTrouble))
  return { fetch, endStreams: events.end, close }
})
