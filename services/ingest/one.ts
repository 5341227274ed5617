/**
 * One write of a request: queues it, waits for its commit where the client asks for it, and answers what
 * became of it. Nothing is queued unless the answer says so, or that it is not known.
 */
import { answerAny, problem } from "../../shared/http/answer.ts"
import { departureOf } from "../../shared/http/departure.ts"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { traceOf } from "../../shared/tracing/context.ts"
import { identity, type Write } from "../../shared/write.ts"
import { readAsked } from "./asked.ts"
import type { Commits } from "./commit.ts"
import { isQueued, type Outcome, type Queued } from "./outcome.ts"
import type { Put } from "./queue.ts"

export interface Stores {
  readonly put: Put
  readonly commits: Commits
}

/** To repeat a write of a key is harmless; an appended one has no key by which the second is known. */
const APPEND_UNKNOWN =
  "The row may have been queued: the reply was lost. Repeated without an Idempotency-Key, it may be there twice."

/** Why a write was not queued, or may not have been. */
const refusal = (outcome: Exclude<Outcome, Queued>, { table }: Write): Response => {
  const isAppend = outcome.refused === "outcome-unknown" && table.mode === "append"
  return problem(outcome.refused, { ...outcome, ...(isAppend && { detail: APPEND_UNKNOWN }) })
}

/** Where the row is once it is written: the reader waits for this version, or a newer one. */
const locationOf = (write: Write, { version }: Queued): string => {
  const { table } = write
  const key = identity(write) ?? String(version)
  const place = table === DEFAULT_TABLE ? "" : `${table.name}/`
  return `/read/${place}${encodeURIComponent(key)}?min_version=${version}`
}

/** Resolves to the answer. `table` is among its members where the path named one. */
export const makeQueueOne =
  ({ put, commits }: Stores) =>
  async (write: Write, request: Request, members: object = {}): Promise<Response> => {
    const asked = readAsked(request.headers)
    if (asked instanceof Response) return asked
    const { waitMillis, key } = asked
    const isAwaited = waitMillis > 0
    const trace = traceOf(request)
    const isPlain = !isAwaited && key === null && trace === undefined
    const outcome = await put(
      write,
      isPlain ? undefined : { isAwaited, key, ...(trace && { trace }) },
    )
    if (!isQueued(outcome)) return refusal(outcome, write)
    const settled = isAwaited ? await commits(outcome, waitMillis, departureOf(request)) : null
    if (settled !== null && settled !== "committed") {
      return problem("write-refused", { detail: settled.reason })
    }
    const body = {
      success: true,
      ...members,
      key: identity(write),
      queued: true,
      queue_depth: outcome.depth,
      message: write.isDelete ? "Deletion queued successfully" : "Write queued successfully",
      version: outcome.version,
      ...(write.isDelete && { deleted: true }),
      ...(settled && { committed: true }),
    }
    return answerAny(settled ? 200 : 202, body, {
      location: locationOf(write, outcome),
      ...(outcome.isRepeated && { "idempotency-replayed": "true" }),
      ...(settled && { "preference-applied": "wait" }),
    })
  }
