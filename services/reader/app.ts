/**
 * GET /read/{key}: one row as PostgreSQL has it. The key is decoded here from the raw path, strictly:
 * Hono's own decoding leaves what it cannot decode as it is, so that two paths would name one key.
 */
import { Hono } from "hono"
import { CONTRACT, type Reader } from "../../shared/contract.ts"
import { answer, handleTheRest, problem } from "../../shared/http/answer.ts"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { parseKey } from "../../shared/write.ts"
import type { Read } from "./database.ts"

export interface Dependencies {
  readonly read: Read
  /** Why no read would be answered, null when it would; has its own deadline and never rejects. */
  readonly databaseTrouble: () => Promise<string | null>
  /** Why a read failed; the client gets a 503 without it. */
  readonly report: (error: unknown) => void
}

const RETRY_SECONDS = 1

const ENCODE_HINT =
  "A key is one segment of the path: encode it with encodeURIComponent (/ is %2F)."

/** Null when the path is no key: a percent sign alone, bytes that are not UTF-8, or no key's bounds. */
const decodeKey = (path: string): string | null => {
  try {
    const key = decodeURIComponent(path.slice("/read/".length))
    return parseKey(DEFAULT_TABLE, key) === null ? null : key
  } catch {
    return null
  }
}

export const makeApp = ({ read, databaseTrouble, report }: Dependencies): Hono => {
  const app = new Hono()

  app.get("/read/:key", async ({ req }) => {
    // A server may resolve dot segments before, or pass them on. Both must mean another path.
    const path = new URL(req.url).pathname
    if (!path.startsWith("/read/")) return problem("not-found")
    const key = decodeKey(path)
    if (key === null) return problem("malformed-key")
    try {
      const row = await read(DEFAULT_TABLE, key)
      return row
        ? answer<Reader["GET /read/:key"]>(200, { success: true, ...row })
        : problem("no-such-key")
    } catch (error) {
      report(error)
      return problem("database-unavailable", { retryAfterSeconds: RETRY_SECONDS })
    }
  })

  app.get("/read/:key/:rest{.*}", () => problem("not-found", { detail: ENCODE_HINT }))

  app.get("/health", async () => {
    const reason = await databaseTrouble()
    return reason === null
      ? answer<Reader["GET /health"]>(200, { status: "healthy", postgres: "up" })
      : answer<Reader["GET /health"]>(503, { status: "unhealthy", postgres: "down", reason })
  })

  handleTheRest(app, CONTRACT.reader, report)
  return app
}
