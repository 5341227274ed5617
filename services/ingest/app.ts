/**
 * POST and DELETE of /write: from a request to a write in the queue, refusing as early as what it knows
 * allows. Promises that nothing is queued unless the answer is 202 or `outcome-unknown`. The queue itself
 * is `put`'s.
 */
import { Result } from "effect"
import { Hono } from "hono"
import { CONTRACT, type Ingest, type Readiness } from "../../shared/contract.ts"
import { answer, ENCODE_HINT, handleTheRest, problem } from "../../shared/http/answer.ts"
import { readBody } from "../../shared/http/body.ts"
import { targetOf } from "../../shared/http/target.ts"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import type { Table } from "../../shared/table/table.ts"
import { TABLES } from "../../shared/tables.ts"
import {
  bodyMaxBytes,
  deletionOf,
  identity,
  makeDecodeWrite,
  type Write,
} from "../../shared/write.ts"
import type { Put } from "./queue.ts"

export interface Dependencies {
  readonly put: Put
  /** Whether a write would be queued; has its own deadline and never rejects. */
  readonly probe: () => Promise<Readiness>
  readonly valueMaxBytes: number
  /** What nobody foresaw; the client gets a 500 without it. */
  readonly report: (error: unknown) => void
}

/** To repeat a write of a key is harmless; an appended one has no key by which the second is known. */
const APPEND_UNKNOWN =
  "The row may have been queued: the reply was lost. Repeated, it may be there twice."

/** Queues a write; resolves to what each answer says of it, or to the answer why it is not queued. */
const makeQueue = (put: Put) => async (write: Write) => {
  const outcome = await put(write)
  if ("refused" in outcome) {
    const isAppend = outcome.refused === "outcome-unknown" && write.table.mode === "append"
    return problem(outcome.refused, isAppend ? { ...outcome, detail: APPEND_UNKNOWN } : outcome)
  }
  return {
    key: identity(write),
    queued: true,
    queue_depth: outcome.depth,
    message: write.isDelete ? "Deletion queued successfully" : "Write queued successfully",
    version: outcome.version,
  } as const
}

type Queue = ReturnType<typeof makeQueue>

/** Takes the row of a request's body. */
const makeTake = (table: Table, valueMaxBytes: number, queue: Queue) => {
  const decodeWrite = makeDecodeWrite(table, valueMaxBytes)
  const maxBytes = bodyMaxBytes(valueMaxBytes)
  return async (request: Request) => {
    const body = await readBody(request, maxBytes)
    if (body instanceof Response) return body
    const decoded = decodeWrite(body.json)
    return Result.isSuccess(decoded)
      ? queue(decoded.success)
      : problem("invalid-write", { errors: decoded.failure })
  }
}

/** Deletes the row of a key in the path. A body says nothing here, as RFC 9110 has it, and is not read. */
const remove = async (table: Table, given: string | null | undefined, queue: Queue) => {
  if (!table.deletes) {
    const detail = "Rows of this table are not deleted."
    return problem("method-not-allowed", { detail, headers: { allow: "" } })
  }
  const deletion = deletionOf(table, given)
  if (!deletion) return problem("malformed-key")
  const queued = await queue(deletion)
  if (queued instanceof Response) return queued
  return { ...queued, key: queued.key ?? "", deleted: true } as const
}

export const makeApp = ({ put, probe, valueMaxBytes, report }: Dependencies): Hono => {
  const app = new Hono()
  const queue = makeQueue(put)
  const takeDefault = makeTake(DEFAULT_TABLE, valueMaxBytes, queue)
  // By a name that a client gives: every object has members that no one declared.
  const tables = new Map(
    Object.values<Table>(TABLES).map((table) => [
      table.name,
      { table, take: makeTake(table, valueMaxBytes, queue) },
    ]),
  )

  app.post("/write", async ({ req }) => {
    const queued = await takeDefault(req.raw)
    if (queued instanceof Response) return queued
    const key = queued.key ?? ""
    return answer<Ingest["POST /write"]>(202, { success: true, ...queued, key })
  })

  app.post("/write/:table", async ({ req }) => {
    const known = tables.get(req.param("table"))
    if (!known) return problem("no-such-table")
    const queued = await known.take(req.raw)
    if (queued instanceof Response) return queued
    const table = known.table.name
    return answer<Ingest["POST /write/:table"]>(202, { success: true, table, ...queued })
  })

  app.delete("/write/:key", async ({ req }) => {
    const target = targetOf("/write/:key", req.url)
    if (!target) return problem("not-found")
    const queued = await remove(DEFAULT_TABLE, target.parameters[0], queue)
    if (queued instanceof Response) return queued
    return answer<Ingest["DELETE /write/:key"]>(202, { success: true, ...queued })
  })

  app.delete("/write/:table/:key", async ({ req }) => {
    const target = targetOf("/write/:table/:key", req.url)
    if (!target) return problem("not-found")
    const [name, given] = target.parameters
    const known = tables.get(name ?? "")
    if (!known) return problem("no-such-table", { detail: ENCODE_HINT })
    const queued = await remove(known.table, given, queue)
    if (queued instanceof Response) return queued
    const table = known.table.name
    return answer<Ingest["DELETE /write/:table/:key"]>(202, { success: true, table, ...queued })
  })

  app.get("/health", async () => {
    const readiness = await probe()
    return answer<Ingest["GET /health"]>(readiness.status === "unhealthy" ? 503 : 200, readiness)
  })

  handleTheRest(app, CONTRACT.ingest, report)
  return app
}
