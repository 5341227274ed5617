/**
 * GET /read: rows as PostgreSQL has them, one or many of a table in one query. Keys are decoded here from
 * the raw URL, strictly.
 */
import { Hono } from "hono"
import { CONTRACT, type Reader } from "../../shared/contract.ts"
import { answer, ENCODE_HINT, handleTheRest, problem } from "../../shared/http/answer.ts"
import { targetOf } from "../../shared/http/target.ts"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { KEYS_MAX } from "../../shared/rows.ts"
import { integer } from "../../shared/table/column.ts"
import { keyColumn, type StoredRow, type Table } from "../../shared/table/table.ts"
import { TABLES } from "../../shared/tables.ts"
import { parseKey } from "../../shared/write.ts"
import type { Read } from "./group.ts"

export interface Dependencies {
  readonly read: Read
  /** Why no read would be answered, null when it would; has its own deadline and never rejects. */
  readonly databaseTrouble: () => Promise<string | null>
  /** Why some of the tables cannot be read, null when all can; likewise. */
  readonly tableTrouble: () => Promise<string | null>
  /** Why a read failed; the client gets a 503 without it. */
  readonly report: (error: unknown) => void
}

const RETRY_SECONDS = 1

const KEYS_HINT = `Name 1 to ${KEYS_MAX} keys in the query: ?key=…&key=…`

/** Names an appended row. */
const VERSION = integer({ min: 0 })

/** By a name that a client gives: every object has members that no one declared. */
const tables = new Map(Object.values<Table>(TABLES).map((table) => [table.name, table]))

/** The key in its one form; null when no row of the table can have it. */
const decodeKey = (table: Table, given: unknown): string | null => {
  if (keyColumn(table) === null) {
    const isVersion = VERSION.flaw(given, Number.POSITIVE_INFINITY) === null
    return isVersion ? String(VERSION.normalize(given)) : null
  }
  const key = parseKey(table, given)
  return key === null ? null : String(key)
}

/** Resolves to the rows in the order of their keys, undefined where there is none, or to the answer why not. */
const makeFind =
  ({ read, report }: Dependencies) =>
  async (
    table: Table,
    given: ReadonlyArray<string | null>,
  ): Promise<ReadonlyArray<StoredRow | undefined> | Response> => {
    const keys = given.map((one) => decodeKey(table, one))
    if (!keys.every((one) => one !== null)) return problem("malformed-key")
    try {
      const rows = await read(table, keys)
      return keys.map((one) => rows.get(one)?.row ?? undefined)
    } catch (error) {
      report(error)
      return problem("database-unavailable", { retryAfterSeconds: RETRY_SECONDS })
    }
  }

export const makeApp = (dependencies: Dependencies): Hono => {
  const app = new Hono()
  const find = makeFind(dependencies)

  const findOne = async (table: Table, given: string | null) => {
    const found = await find(table, [given])
    return found instanceof Response ? found : (found[0] ?? problem("no-such-key"))
  }

  const findMany = async (table: Table, given: ReadonlyArray<string | null>) => {
    if (given.length === 0 || given.length > KEYS_MAX) {
      return problem("invalid-request", { detail: KEYS_HINT })
    }
    const found = await find(table, given)
    return found instanceof Response ? found : found.map((row) => row ?? null)
  }

  app.get("/read", async ({ req }) => {
    const rows = await findMany(DEFAULT_TABLE, targetOf("/read", req.url)?.valuesOf("key") ?? [])
    if (rows instanceof Response) return rows
    return answer<Reader["GET /read"]>(200, { success: true, rows })
  })

  app.get("/read/:key", async ({ req }) => {
    const target = targetOf("/read/:key", req.url)
    if (!target) return problem("not-found")
    const [segment = null] = target.parameters
    const keys = target.valuesOf("key")
    if (keys.length > 0) {
      const table = tables.get(segment ?? "")
      const rows = table ? await findMany(table, keys) : problem("no-such-table")
      if (rows instanceof Response) return rows
      return answer<Reader["GET /read/:key"]>(200, { success: true, rows })
    }
    const row = await findOne(DEFAULT_TABLE, segment)
    if (row instanceof Response) return row
    return answer<Reader["GET /read/:key"]>(200, { success: true, ...row })
  })

  app.get("/read/:table/:key", async ({ req }) => {
    const target = targetOf("/read/:table/:key", req.url)
    if (!target) return problem("not-found")
    const [name, given = null] = target.parameters
    const table = tables.get(name ?? "")
    if (!table) return problem("no-such-table", { detail: ENCODE_HINT })
    const row = await findOne(table, given)
    if (row instanceof Response) return row
    return answer<Reader["GET /read/:table/:key"]>(200, { success: true, ...row })
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

  handleTheRest(app, CONTRACT.reader, dependencies.report)
  return app
}
