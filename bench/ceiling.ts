/**
 * The most that any buffer behind this HTTP server could accept: ingest's own app, answering 202 without
 * Redis. A process of its own: `PORT=… node bench/ceiling.ts`, or `deno serve`.
 */
import { makeApp } from "../services/ingest/app.ts"
import { CONTRACT } from "../shared/contract.ts"
import { metered } from "../shared/http/metrics.ts"
import { serve } from "../shared/http/serve.ts"

export default await serve("ingest", ({ VALUE_MAX_BYTES }, log) => {
  let version = Date.now() * 1_000
  const app = makeApp({
    commits: async () => null,
    put: () => Promise.resolve({ version: ++version, depth: 45 }),
    probe: () => Promise.resolve({ status: "healthy", redis: "up" }),
    valueMaxBytes: VALUE_MAX_BYTES,
    report: () => log("error", "request failed"),
  })
  return { fetch: metered(app, CONTRACT.ingest), close: () => Promise.resolve() }
})
