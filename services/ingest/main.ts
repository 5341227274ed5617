/** The ingest process: POST /write, from HTTP to the queue. */
import { tokenFrom } from "../../shared/config.ts"
import { CONTRACT } from "../../shared/contract.ts"
import { metered } from "../../shared/http/metrics.ts"
import { serve } from "../../shared/http/serve.ts"
import { makeSparingLog } from "../../shared/log.ts"
import { openQueue } from "../../shared/queue/queue.ts"
import { closeRedis, connectRedis } from "../../shared/redis/redis.ts"
import { makeApp } from "./app.ts"
import { forBrowsers } from "./browsers.ts"
import { makeCommits } from "./commit.ts"
import { makeProbe, makePut } from "./queue.ts"

export default await serve("ingest", async (config, log) => {
  // Ready, or the first requests would be refused by a start, not by an outage.
  const redis = await connectRedis(config.REDIS_URL, {
    name: "ingest",
    slotOf: config.WRITE_QUEUE_NAME,
  })
  if (redis.link.trouble) log("warn", "no queue", { reason: redis.link.trouble })
  const queue = openQueue(redis, config.WRITE_QUEUE_NAME)
  const limits = {
    maxDepth: config.QUEUE_MAX_DEPTH,
    onceSeconds: config.IDEMPOTENCY_SECONDS,
  }
  const { commits, end } = makeCommits(queue)
  const sparing = makeSparingLog(log)
  const app = makeApp({
    put: makePut(queue, redis.link, limits, (reason, writes) =>
      sparing("warn", "writes refused", { reason, writes }),
    ),
    commits,
    probe: makeProbe(queue, redis.link, config.QUEUE_MAX_DEPTH),
    valueMaxBytes: config.VALUE_MAX_BYTES,
    token: tokenFrom("WRITE_TOKEN", config),
    report: (error) => sparing("error", "request failed", { name: (error as Error).name }),
  })
  return {
    fetch: metered(forBrowsers(app, config.ALLOWED_ORIGINS), CONTRACT.ingest),
    endStreams: end,
    close: async () => closeRedis(redis),
  }
})
