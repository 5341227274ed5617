/**
 * GET /read: rows as PostgreSQL has them, one or many of a table in one query. Of one row a client may say
 * from which version on it wants it, and which it has already.
 */
import { Hono } from "hono"
import { CONTRACT, type Reader } from "../../shared/contract.ts"
import {
  answer,
  ENCODE_HINT,
  handleTheRest,
  notModified,
  problem,
} from "../../shared/http/answer.ts"
import { departureOf } from "../../shared/http/departure.ts"
import { etagOf, isKnown } from "../../shared/http/etag.ts"
import { openapi } from "../../shared/http/openapi.ts"
import { preferencesOf } from "../../shared/http/prefer.ts"
import { type Target, targetOf } from "../../shared/http/target.ts"
import { guardedRoutes, type Token } from "../../shared/http/token.ts"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { KEYS_MAX } from "../../shared/rows.ts"
import type { Table } from "../../shared/table/table.ts"
import { TABLES } from "../../shared/tables.ts"
import type { Read } from "./group.ts"
import { decodeKey, minVersionIn } from "./key.ts"
import { isAt, type Reach } from "./version.ts"

export interface Dependencies {
  readonly read: Read
  readonly reach: Reach
  /** Why no read would be answered, null when it would; has its own deadline and never rejects. */
  readonly databaseTrouble: () => Promise<string | null>
  /** Why some of the tables cannot be read, null when all can; likewise. */
  readonly tableTrouble: () => Promise<string | null>
  /** Without it whoever asks may read. */
  readonly token?: Token
  /** Why a read failed; the client gets a 503 without it. */
  readonly report: (error: unknown) => void
}

const RETRY_SECONDS = 1

const KEYS_HINT = `Name 1 to ${KEYS_MAX} keys in the query: ?key=…&key=…`

const MIN_VERSION_HINT = "min_version is one version in digits, beside one key in the path."

/** By a name that a client gives: every object has members that no one declared. */
const tables = new Map(Object.values<Table>(TABLES).map((table) => [table.name, table]))

/** The answer to who asks for what PostgreSQL cannot say. */
const makeUnavailable = (report: Dependencies["report"]) => (error: unknown) => {
  report(error)
  return problem("database-unavailable", { retryAfterSeconds: RETRY_SECONDS })
}

/** Resolves to one row and the headers of its answer, or to the answer without it. */
const makeFindOne = ({ reach, report }: Dependencies) => {
  const unavailable = makeUnavailable(report)
  return async (table: Table, given: string | null, target: Target, request: Request) => {
    const key = decodeKey(table, given)
    if (key === null) return problem("malformed-key")
    const version = minVersionIn(target)
    if (version === null) return problem("invalid-request", { detail: MIN_VERSION_HINT })
    const seconds = version === 0 ? 0 : preferencesOf(request.headers).wait
    const patience = seconds > 0 ? { millis: seconds * 1_000, signal: departureOf(request) } : null
    const found = await reach(table, { key, version }, patience).catch(unavailable)
    if (found instanceof Response) return found
    if (!isAt(found, version)) {
      const members = { version: found?.version ?? null }
      return problem("version-not-reached", { members, retryAfterSeconds: RETRY_SECONDS })
    }
    const applied = seconds > 0 && { "preference-applied": "wait" }
    if (!found?.row) return problem("no-such-key", { headers: { ...applied } })
    const etag = etagOf(found.version)
    const headers = { etag, "cache-control": "no-cache", ...applied }
    const isSame = isKnown(request.headers.get("if-none-match"), etag)
    return isSame ? notModified(headers) : { row: found.row, headers }
  }
}

/** Resolves to rows in the order of their keys, null where there is none, or to the answer without them. */
const makeFindMany = ({ read, report }: Dependencies) => {
  const unavailable = makeUnavailable(report)
  return async (table: Table, target: Target) => {
    const given = target.valuesOf("key")
    if (given.length === 0 || given.length > KEYS_MAX) {
      return problem("invalid-request", { detail: KEYS_HINT })
    }
    if (target.valuesOf("min_version").length > 0) {
      return problem("invalid-request", { detail: MIN_VERSION_HINT })
    }
    const keys = given.map((one) => decodeKey(table, one))
    if (!keys.every((one) => one !== null)) return problem("malformed-key")
    const rows = await read(table, keys).catch(unavailable)
    return rows instanceof Response ? rows : keys.map((one) => rows.get(one)?.row ?? null)
  }
}

export const makeApp = (dependencies: Dependencies): Hono => {
  const app = new Hono()
  const reads = guardedRoutes(app, dependencies.token)
  const findOne = makeFindOne(dependencies)
  const findMany = makeFindMany(dependencies)

  reads.get("/read", async ({ req }) => {
    const target = targetOf("/read", req.url)
    if (!target) return problem("not-found")
    const rows = await findMany(DEFAULT_TABLE, target)
    if (rows instanceof Response) return rows
    return answer<Reader["GET /read"]>(200, { success: true, rows })
  })

  reads.get("/read/:key", async ({ req }) => {
    const target = targetOf("/read/:key", req.url)
    if (!target) return problem("not-found")
    const [segment = null] = target.parameters
    if (target.valuesOf("key").length > 0) {
      const table = tables.get(segment ?? "")
      const rows = table ? await findMany(table, target) : problem("no-such-table")
      if (rows instanceof Response) return rows
      return answer<Reader["GET /read/:key"]>(200, { success: true, rows })
    }
    const found = await findOne(DEFAULT_TABLE, segment, target, req.raw)
    if (found instanceof Response) return found
    return answer<Reader["GET /read/:key"]>(200, { success: true, ...found.row }, found.headers)
  })

  reads.get("/read/:table/:key", async ({ req }) => {
    const target = targetOf("/read/:table/:key", req.url)
    if (!target) return problem("not-found")
    const [name, given = null] = target.parameters
    const table = tables.get(name ?? "")
    if (!table) return problem("no-such-table", { detail: ENCODE_HINT })
    const found = await findOne(table, given, target, req.raw)
    if (found instanceof Response) return found
    const { row, headers } = found
    return answer<Reader["GET /read/:table/:key"]>(200, { success: true, ...row }, headers)
  })

  app.get("/health", async () => {
    const down = await dependencies.databaseTrouble()
    if (down !== null) {
      return answer<Reader["GET /health"]>(503, {
        ...{ status: "unhealthy", postgres: "down", reason: down },
      })
    }
    const reason = await dependencies.tableTrouble()
    return answer<Reader["GET /health"]>(200, {
      ...{ status: reason === null ? "healthy" : "degraded", postgres: "up" },
      ...(reason !== null && { reason }),
    })
  })

  app.get("/openapi.json", openapi("reader"))

  handleTheRest(app, CONTRACT.reader, dependencies.report)
  return app
}
