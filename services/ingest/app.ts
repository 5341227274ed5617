/**
 * The calls that write: from a request to writes in the queue, refusing as early as what is known allows.
 * Promises that nothing is queued unless the answer says so, or is `outcome-unknown`. The queue itself is
 * `put`'s.
 */
import { Result } from "effect"
import { Hono } from "hono"
import { CONTRACT, type Ingest, type Readiness } from "../../shared/contract.ts"
import { answer, ENCODE_HINT, handleTheRest, problem } from "../../shared/http/answer.ts"
import { readBody } from "../../shared/http/body.ts"
import { openapi } from "../../shared/http/openapi.ts"
import { targetOf } from "../../shared/http/target.ts"
import { guardedRoutes, type Token } from "../../shared/http/token.ts"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import type { Table } from "../../shared/table/table.ts"
import { TABLES } from "../../shared/tables.ts"
import { bodyMaxBytes, deletionOf, makeDecodeWrite } from "../../shared/write.ts"
import { makeQueueOne, type Stores } from "./one.ts"
import { makeTakeAll } from "./writes.ts"

export interface Dependencies extends Stores {
  /** Whether a write would be queued; has its own deadline and never rejects. */
  readonly probe: () => Promise<Readiness>
  readonly valueMaxBytes: number
  /** Without it whoever asks may write. */
  readonly token?: Token
  /** What nobody foresaw; the client gets a 500 without it. */
  readonly report: (error: unknown) => void
}

type QueueOne = ReturnType<typeof makeQueueOne>

/** Takes the row of a request's body. */
const makeTake = (table: Table, valueMaxBytes: number, queueOne: QueueOne) => {
  const decodeWrite = makeDecodeWrite(table, valueMaxBytes)
  const maxBytes = bodyMaxBytes(valueMaxBytes)
  return async (request: Request, members?: object) => {
    const body = await readBody(request, maxBytes)
    if (body instanceof Response) return body
    const decoded = decodeWrite(body.json)
    return Result.isSuccess(decoded)
      ? queueOne(decoded.success, request, members)
      : problem("invalid-write", { errors: decoded.failure })
  }
}

/** Deletes the row of a key in the path. A body says nothing here, as RFC 9110 has it, and is not read. */
const makeRemove =
  (table: Table, queueOne: QueueOne) =>
  async (request: Request, given: string | null | undefined, members?: object) => {
    if (!table.deletes) {
      const detail = "Rows of this table are not deleted."
      return problem("method-not-allowed", { detail, headers: { allow: "" } })
    }
    const deletion = deletionOf(table, given)
    return deletion ? queueOne(deletion, request, members) : problem("malformed-key")
  }

/** What is done with requests for a table. */
const makeCalls = (table: Table, { valueMaxBytes, ...stores }: Dependencies) => {
  const queueOne = makeQueueOne(stores)
  return {
    take: makeTake(table, valueMaxBytes, queueOne),
    remove: makeRemove(table, queueOne),
  }
}

export const makeApp = (dependencies: Dependencies): Hono => {
  const app = new Hono()
  const writes = guardedRoutes(app, dependencies.token)
  const takeAllOf = makeTakeAll(dependencies, dependencies.valueMaxBytes)
  // By a name that a client gives: every object has members that no one declared.
  const calls = new Map(
    Object.values<Table>(TABLES).map((table) => [
      table.name,
      { ...makeCalls(table, dependencies), takeAll: takeAllOf(table) },
    ]),
  )
  const known = (name: string | null | undefined) => {
    const found = calls.get(name ?? "")
    return found && { ...found, members: { table: name } }
  }
  const ofDefault = makeCalls(DEFAULT_TABLE, dependencies)
  const takeAllOfDefault = takeAllOf(DEFAULT_TABLE)

  writes.post("/write", ({ req }) => ofDefault.take(req.raw))

  writes.post("/write/:table", async ({ req }) => {
    const table = known(req.param("table"))
    return table ? table.take(req.raw, table.members) : problem("no-such-table")
  })

  writes.post("/writes", ({ req }) => takeAllOfDefault(req.raw))

  writes.post("/writes/:table", async ({ req }) => {
    return known(req.param("table"))?.takeAll(req.raw) ?? problem("no-such-table")
  })

  writes.delete("/write/:key", async ({ req }) => {
    const target = targetOf("/write/:key", req.url)
    return target ? ofDefault.remove(req.raw, target.parameters[0]) : problem("not-found")
  })

  writes.delete("/write/:table/:key", async ({ req }) => {
    const target = targetOf("/write/:table/:key", req.url)
    if (!target) return problem("not-found")
    const [name, given] = target.parameters
    const table = known(name)
    if (!table) return problem("no-such-table", { detail: ENCODE_HINT })
    return table.remove(req.raw, given, table.members)
  })

  app.get("/health", async () => {
    const readiness = await dependencies.probe()
    return answer<Ingest["GET /health"]>(readiness.status === "unhealthy" ? 503 : 200, readiness)
  })

  app.get("/openapi.json", openapi("ingest"))

  handleTheRest(app, CONTRACT.ingest, dependencies.report)
  return app
}
