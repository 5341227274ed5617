/**
 * What the buffer is compared with, in good faith: the same Hono, validation and limits, and one prepared
 * upsert for each request, awaited, on the least busy of 10 connections, over which postgres.js pipelines.
 * It answers 200 when the row is stored. A process of its own: `PORT=… node bench/sync.ts`, or `deno serve`;
 * BENCH_TABLE names its table.
 */
import process from "node:process"
import { Result } from "effect"
import { Hono } from "hono"
import { loadConfig } from "../shared/config.ts"
import { answer, handleTheRest, problem } from "../shared/http/answer.ts"
import { readBody } from "../shared/http/body.ts"
import { serve } from "../shared/http/serve.ts"
import { openDatabase } from "../shared/postgres/postgres.ts"
import { writeOne } from "../shared/table/baseline.ts"
import { bodyMaxBytes, identity, makeDecodeWrite } from "../shared/write.ts"
import { findTable } from "./mark.ts"

const MAX_CONNECTIONS = 10

/** A client waits no longer; without it requests of an outage would wait until autocannon gives up. */
const DEADLINE_MILLIS = 5_000

export default await serve("ingest", ({ VALUE_MAX_BYTES }, log) => {
  const { DATABASE_URL } = loadConfig("reader")
  const database = openDatabase(DATABASE_URL, {
    name: "sync",
    maxConnections: MAX_CONNECTIONS,
    deadlineMillis: DEADLINE_MILLIS,
    writes: true,
  })
  const { table, path } = findTable(process.env.BENCH_TABLE)
  // Of an appended row it is the primary key.
  let version = Date.now() * 1_000
  const decodeWrite = makeDecodeWrite(table, VALUE_MAX_BYTES)
  const maxBytes = bodyMaxBytes(VALUE_MAX_BYTES)
  const report = () => log("error", "request failed")
  const app = new Hono()

  app.post(path, async ({ req }) => {
    const body = await readBody(req.raw, maxBytes)
    if (body instanceof Response) return body
    const decoded = decodeWrite(body.json)
    if (Result.isFailure(decoded)) return problem("invalid-write", { errors: decoded.failure })
    const write = decoded.success
    try {
      version += 1
      const next = version
      await database.run((sql) => writeOne(sql, table, write.row, next))
    } catch {
      return problem("database-unavailable", { retryAfterSeconds: 1 })
    }
    return answer(200, {
      success: true,
      key: identity(write),
      message: "Write stored successfully",
    })
  })

  handleTheRest(app, { [`POST ${path}`]: null }, report)
  return { fetch: app.fetch, close: () => database.close() }
})
