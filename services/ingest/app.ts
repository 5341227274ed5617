/**
 * POST /write: from bytes to a write in the queue, refusing as early as what it knows allows. Promises
 * that nothing is queued unless the answer is 202 or `outcome-unknown`. The queue itself is `put`'s.
 */
import { Result } from "effect"
import { Hono } from "hono"
import { CONTRACT, type Ingest, type Readiness } from "../../shared/contract.ts"
import { answer, handleTheRest, problem } from "../../shared/http/answer.ts"
import { readBody } from "../../shared/http/body.ts"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { bodyMaxBytes, identity, makeDecodeWrite } from "../../shared/write.ts"
import type { Put } from "./queue.ts"

export interface Dependencies {
  readonly put: Put
  /** Whether a write would be queued; has its own deadline and never rejects. */
  readonly probe: () => Promise<Readiness>
  readonly valueMaxBytes: number
  /** What nobody foresaw; the client gets a 500 without it. */
  readonly report: (error: unknown) => void
}

export const makeApp = ({ put, probe, valueMaxBytes, report }: Dependencies): Hono => {
  const app = new Hono()
  const decodeWrite = makeDecodeWrite(DEFAULT_TABLE, valueMaxBytes)
  const maxBytes = bodyMaxBytes(valueMaxBytes)

  app.post("/write", async ({ req }) => {
    const body = await readBody(req.raw, maxBytes)
    if (body instanceof Response) return body
    const decoded = decodeWrite(body.json)
    if (Result.isFailure(decoded)) return problem("invalid-write", { errors: decoded.failure })
    const outcome = await put(decoded.success)
    if ("refused" in outcome) return problem(outcome.refused, outcome)
    return answer<Ingest["POST /write"]>(202, {
      success: true,
      key: identity(decoded.success) ?? "",
      queued: true,
      queue_depth: outcome.depth,
      message: "Write queued successfully",
      version: outcome.version,
    })
  })

  app.get("/health", async () => {
    const readiness = await probe()
    return answer<Ingest["GET /health"]>(readiness.status === "unhealthy" ? 503 : 200, readiness)
  })

  handleTheRest(app, CONTRACT.ingest, report)
  return app
}
