/** The stats process: GET /stats, the GET /health of the whole, and the page that shows both. */
import { tokenFrom } from "../../shared/config.ts"
import { metered } from "../../shared/http/metrics.ts"
import { serve } from "../../shared/http/serve.ts"
import { makeSparingLog } from "../../shared/log.ts"
import { openShards } from "../../shared/queue/open-shards.ts"
import { changeShards } from "../../shared/queue/reshard.ts"
import { redisErrorReason } from "../../shared/redis/redis.ts"
import { CALLS, makeApp } from "./app.ts"
import { buildOf } from "./build.ts"
import { openProbe } from "./database.ts"
import { makeEvents } from "./events.ts"
import { makeExamine } from "./health.ts"
import { makeHistory } from "./history.ts"
import { everyQueue, ListsAway } from "./lists.ts"
import { makeFigures } from "./metrics.ts"
import { makeLetters } from "./operations/letters.ts"
import { makeWaiting } from "./operations/waiting.ts"
import { makeCount } from "./queue.ts"
import { makeWorkers } from "./workers.ts"

export default await serve("stats", async (config, log) => {
  // Ready, or the first requests would be refused by a start, not by an outage.
  const shards = await openShards({
    url: config.REDIS_URL,
    queue: config.WRITE_QUEUE_NAME,
    program: "stats",
    first: config.WRITE_QUEUE_SHARDS,
  })
  const { link } = shards.home.redis
  if (link.trouble) log("warn", "no queue", { reason: link.trouble })
  const queues = everyQueue(shards)
  const sparing = makeSparingLog(log)
  const probe = openProbe(config.DATABASE_URL, (reason) =>
    sparing("warn", "no database", { reason }),
  )
  const { databaseTrouble } = probe
  const health = {
    ...makeCount(shards),
    databaseTrouble,
    redis: link,
    alerts: {
      depth: config.QUEUE_ALERT_DEPTH,
      maxDepth: config.QUEUE_MAX_DEPTH,
      ageSeconds: config.QUEUE_ALERT_AGE,
      deadLetters: config.DEAD_LETTERS_ALERT,
    },
    report: (error: unknown) =>
      sparing("warn", "no statistics", {
        reason: error instanceof ListsAway ? error.message : redisErrorReason(error, link),
      }),
  }
  const history = makeHistory(health.count)
  const events = makeEvents({
    examine: makeExamine(health),
    workers: makeWorkers(queues),
    history,
    hasOperations: config.ADMIN_TOKEN !== "",
    build: buildOf(config.BUILD_COMMIT),
  })
  const app = makeApp({
    ...health,
    events,
    operations: {
      letters: makeLetters(queues, config.VALUE_MAX_BYTES),
      waiting: makeWaiting(queues, config.VALUE_MAX_BYTES),
      reshard: (to) => changeShards(shards, to),
      identity: probe.identity,
      token: tokenFrom("ADMIN_TOKEN", config),
      audit: (action, figures) => log("info", "operator", { action, ...figures }),
    },
  })
  const close = async () => {
    history.end()
    shards.close()
    await probe.close()
  }
  const fetch = metered(app, CALLS, makeFigures(health.count, databaseTrouble))
  return { fetch, routes: CALLS, endStreams: events.end, close }
})
