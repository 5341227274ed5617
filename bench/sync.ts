/**
 * What the buffer is compared with, in good faith: the same Hono, validation and limits, and one prepared
 * statement for each request, awaited, on the least busy of 10 connections, each of which postgres.js has a
 * pool of its own for, and pipelines over. It answers 200 when the row is stored, or with the row that is
 * read. A process of its own: `PORT=… node bench/sync.ts`, or `deno serve`.
 */
import { Result } from "effect"
import { Hono } from "hono"
import { loadConfig } from "../shared/config.ts"
import { answer, handleTheRest, problem } from "../shared/http/answer.ts"
import { readBody } from "../shared/http/body.ts"
import { serve } from "../shared/http/serve.ts"
import { targetOf } from "../shared/http/target.ts"
import { openDatabase } from "../shared/postgres/postgres.ts"
import { writeOne } from "../shared/table/baseline.ts"
import { selectRows } from "../shared/table/select.ts"
import { bodyMaxBytes, identity, makeDecodeWrite } from "../shared/write.ts"
import { MARKED, readPath } from "./mark.ts"

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
  // Of an appended row it is the primary key.
  let version = Date.now() * 1_000
  const maxBytes = bodyMaxBytes(VALUE_MAX_BYTES)
  const report = () => log("error", "request failed")
  const unavailable = () => problem("database-unavailable", { retryAfterSeconds: 1 })
  const app = new Hono()

  for (const marked of MARKED.values()) {
    const { table, path } = marked
    const decodeWrite = makeDecodeWrite(table, VALUE_MAX_BYTES)
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
        return unavailable()
      }
      return answer(200, {
        success: true,
        key: identity(write),
        message: "Write stored successfully",
      })
    })

    const place = `${readPath(marked)}/:key`
    app.get(place, async ({ req }) => {
      const [key = null] = targetOf(place, req.url)?.parameters ?? []
      if (key === null) return problem("malformed-key")
      try {
        const rows = await database.run((sql) => selectRows(sql, table, [key]))
        const row = rows.get(key)?.row
        return row ? answer(200, { success: true, ...row }) : problem("no-such-key")
      } catch {
        return unavailable()
      }
    })
  }

  const paths = [...MARKED.values()].flatMap((marked) => [
    [`POST ${marked.path}`, null],
    [`GET ${readPath(marked)}/:key`, null],
  ])
  handleTheRest(app, Object.fromEntries(paths), report)
  return { fetch: app.fetch, close: () => database.close() }
})
