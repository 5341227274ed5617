/** Ingest without a queue: what would be queued is remembered. */
import { CONTRACT } from "../../../shared/contract.ts"
import type { Write } from "../../../shared/write.ts"
import { asking } from "../../testing/app.ts"
import { type Dependencies, makeApp } from "../app.ts"
import type { Outcome } from "../queue.ts"

export const VALUE_MAX_BYTES = 64
export const JSON_TYPE = { "content-type": "application/json" }

/** An app whose put remembers what it was given, and answers with `outcome`. */
export const setUp = (options: Partial<Dependencies> & { outcome?: Outcome } = {}) => {
  const { outcome = { version: 17, depth: 45 }, ...dependencies } = options
  const writes: Write[] = []
  const reported: unknown[] = []
  const app = makeApp({
    put: async (write) => {
      writes.push(write)
      return outcome
    },
    commits: async () => null,
    probe: async () => ({ status: "healthy", redis: "up" }),
    valueMaxBytes: VALUE_MAX_BYTES,
    report: (error) => reported.push(error),
    ...dependencies,
  })
  const ask = asking(app, CONTRACT.ingest)
  const send = (init: RequestInit, path = "/write") => ask(path, init)
  const post = (body: BodyInit, headers: Record<string, string> = JSON_TYPE) =>
    send({ method: "POST", headers, body })
  return {
    ...{ send, post, writes, reported },
    /** A row for a table. */
    postTo: (path: string, row: unknown) =>
      send({ method: "POST", headers: JSON_TYPE, body: JSON.stringify(row) }, `/write/${path}`),
    remove: (path: string, init: RequestInit = {}) =>
      send({ ...init, method: "DELETE" }, `/write/${path}`),
  }
}
