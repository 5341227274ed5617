/** Ingest without a queue: what would be queued is remembered. */
import { CONTRACT } from "../../../shared/contract.ts"
import type { Write } from "../../../shared/write.ts"
import { asking } from "../../testing/app.ts"
import { type Dependencies, makeApp } from "../app.ts"
import { forBrowsers } from "../browsers.ts"
import type { Request } from "../group.ts"
import type { Outcome } from "../outcome.ts"

export const VALUE_MAX_BYTES = 64
export const JSON_TYPE = { "content-type": "application/json" }
export const LINES_TYPE = { "content-type": "application/x-ndjson" }

interface Options extends Partial<Dependencies> {
  readonly outcome?: Outcome
  /** ALLOWED_ORIGINS. */
  readonly origins?: string
}

/** An app whose put remembers what it was given, and answers with `outcome`. */
export const setUp = (options: Options = {}) => {
  const { outcome = { version: 17, depth: 45 }, origins = "", ...dependencies } = options
  const writes: Write[] = []
  /** What was asked for beside each write. */
  const requests: Array<Request | undefined> = []
  const reported: unknown[] = []
  const app = makeApp({
    put: async (write, request) => {
      writes.push(write)
      requests.push(request)
      return outcome
    },
    commits: async () => null,
    probe: async () => ({ status: "healthy", redis: "up" }),
    valueMaxBytes: VALUE_MAX_BYTES,
    report: (error) => reported.push(error),
    ...dependencies,
  })
  const { fetch } = forBrowsers(app, origins)
  const request = (path: string, init: RequestInit) =>
    fetch(new Request(new URL(path, "http://localhost"), init))
  const ask = asking({ request }, CONTRACT.ingest)
  const send = (init: RequestInit, path = "/write") => ask(path, init)
  const post = (body: BodyInit, headers: Record<string, string> = JSON_TYPE) =>
    send({ method: "POST", headers, body })
  return {
    ...{ app, ask, send, post, writes, requests, reported },
    /** Many rows, in lines unless it is said otherwise. */
    postAll: (body: BodyInit, headers: Record<string, string> = {}, path = "/writes") =>
      send(
        // Of a stream nobody knows whether it has ended before the answer: fetch wants that to be said.
        {
          method: "POST",
          headers: { ...LINES_TYPE, ...headers },
          body,
          duplex: "half",
        } as RequestInit,
        path,
      ),
    /** A row for a table. */
    postTo: (path: string, row: unknown) =>
      send({ method: "POST", headers: JSON_TYPE, body: JSON.stringify(row) }, `/write/${path}`),
    remove: (path: string, init: RequestInit = {}) =>
      send({ ...init, method: "DELETE" }, `/write/${path}`),
  }
}
