/** The ingest process: POST /write, from HTTP to the queue. */
import { tokenFrom } from "../../shared/config.ts"
import { CONTRACT } from "../../shared/contract.ts"
import { metered } from "../../shared/http/metrics.ts"
import { serve } from "../../shared/http/serve.ts"
import { makeSparingLog } from "../../shared/log.ts"
import { openShards } from "../../shared/queue/open-shards.ts"
import { makeApp } from "./app.ts"
import { forBrowsers } from "./browsers.ts"
import { makeCommits } from "./commit.ts"
import { makeProbe } from "./probe.ts"
import { makePut } from "./queue.ts"

export default await serve("ingest", async (config, log) => {
  // Ready, or the first requests would be refused by a start, not by an outage.
  const shards = await openShards({
    url: config.REDIS_URL,
    queue: config.WRITE_QUEUE_NAME,
    program: "ingest",
    first: config.WRITE_QUEUE_SHARDS,
  })
  const troubles = new Set(shards.every().map(({ redis }) => redis.link.trouble))
  for (const reason of troubles) if (reason) log("warn", "no queue", { reason })
  const limits = {
    maxDepth: config.QUEUE_MAX_DEPTH,
    onceSeconds: config.IDEMPOTENCY_SECONDS,
    replicas: config.REDIS_REPLICAS,
  }
  const { commits, end } = makeCommits()
  const sparing = makeSparingLog(log)
  const app = makeApp({
    put: makePut(shards, limits, (reason, writes) =>
      sparing("warn", "writes refused", { reason, writes }),
    ),
    commits,
    probe: makeProbe(shards, limits),
    valueMaxBytes: config.VALUE_MAX_BYTES,
    token: tokenFrom("WRITE_TOKEN", config),
    report: (error) => sparing("error", "request failed", { name: (error as Error).name }),
  })
  return {
    routes: CONTRACT.ingest,
    fetch: metered(forBrowsers(app, config.ALLOWED_ORIGINS), CONTRACT.ingest),
    endStreams: end,
    close: async () => shards.close(),
  }
})
