/**
 * Many writes of one request: reads them as they come, queues all or none of them unless a Redis ends it amid
 * them, waits for the commits where the client asks for it, and answers what became of them.
 */
import { Result } from "effect"
import { answerAny, problem } from "../../shared/http/answer.ts"
import { departureOf } from "../../shared/http/departure.ts"
import { readRows } from "../../shared/http/rows.ts"
import type { Table } from "../../shared/table/table.ts"
import { traceOf } from "../../shared/tracing/context.ts"
import { type Flaw, makeDecodeWrite, type Write } from "../../shared/write.ts"
import { type Asked, readAsked } from "./asked.ts"
import type { Settled } from "./commit.ts"
import { awaitAll, sendAll } from "./many.ts"
import type { Stores } from "./one.ts"
import { isQueued, type Queued } from "./outcome.ts"
import { answerPartly } from "./partly.ts"
import { makeTurns } from "./turns.ts"

/** An answer names so many flaws, or writes that were refused. */
const ERRORS_MAX = 100

const at = (index: number, { pointer, detail }: Flaw): Flaw => ({
  ...{ pointer: `/${index}${pointer}`, detail },
})

/** The writes of a body, or the answer why not all of them are writes. */
const makeDecodeAll = (table: Table, valueMaxBytes: number) => {
  const decode = makeDecodeWrite(table, valueMaxBytes)
  return async (request: Request): Promise<ReadonlyArray<Write> | Response> => {
    const writes: Write[] = []
    const flaws: Flaw[] = []
    const count = await readRows(request, (row, index) => {
      if (flaws.length >= ERRORS_MAX) return
      const decoded = decode(row)
      if (Result.isFailure(decoded)) flaws.push(...decoded.failure.map((flaw) => at(index, flaw)))
      else if (flaws.length === 0) writes.push(decoded.success)
    })
    if (count instanceof Response) return count
    if (flaws.length > 0) return problem("invalid-write", { errors: flaws.slice(0, ERRORS_MAX) })
    return writes.length > 0
      ? writes
      : problem("invalid-write", { errors: [{ pointer: "", detail: "has no write" }] })
  }
}

/** The lowest and the highest version. */
const spanOf = (queued: ReadonlyArray<Queued>) => {
  let [first, last] = [Number.POSITIVE_INFINITY, 0]
  for (const { version } of queued) {
    first = Math.min(first, version)
    last = Math.max(last, version)
  }
  return { first_version: first, last_version: last }
}

const answerAll = (
  queued: ReadonlyArray<Queued>,
  settled: ReadonlyArray<Settled | null>,
  { isVerbose }: Asked,
): Response => {
  const died = settled.flatMap((one, index) =>
    one === null || one === "committed" ? [] : [{ pointer: `/${index}`, detail: one.reason }],
  )
  if (died.length > 0) {
    const detail = `PostgreSQL refused ${died.length} of them; the others are written, or will be.`
    return problem("write-refused", { detail, errors: died.slice(0, ERRORS_MAX) })
  }
  const isCommitted =
    settled.length === queued.length && settled.every((one) => one === "committed")
  const applied = [isCommitted && "wait", isVerbose && "return=representation"].filter(Boolean)
  const body = {
    success: true,
    queued: queued.length,
    queue_depth: queued.at(-1)?.depth,
    ...spanOf(queued),
    ...(isVerbose && { versions: queued.map(({ version }) => version) }),
    ...(isCommitted && { committed: true }),
  }
  return answerAny(isCommitted ? 200 : 202, body, {
    ...(queued.every(({ isRepeated }) => isRepeated) && { "idempotency-replayed": "true" }),
    ...(applied.length > 0 && { "preference-applied": applied.join(", ") }),
  })
}

const busy = () =>
  problem("queue-unavailable", {
    detail: "As many bodies as may be are being read. Nothing was queued; repeat it.",
    retryAfterSeconds: 1,
  })

/** Makes what takes the writes of a request for a table, and resolves to the answer. */
export const makeTakeAll = ({ put, commits }: Stores, valueMaxBytes: number) => {
  const inTurn = makeTurns()
  return (table: Table) => {
    const decodeAll = makeDecodeAll(table, valueMaxBytes)
    const queueAll = async (request: Request, asked: Asked) => {
      const writes = await decodeAll(request)
      if (writes instanceof Response) return writes
      const outcomes = await sendAll(put, writes, asked, traceOf(request))
      const queued = outcomes.filter(isQueued)
      return queued.length < writes.length ? answerPartly(outcomes, writes.length) : queued
    }
    return async (request: Request): Promise<Response> => {
      const asked = readAsked(request.headers)
      if (asked instanceof Response) return asked
      // Who waits for commits holds no turn, and no bodies.
      const queued = await inTurn(() => queueAll(request, asked))
      if (queued === undefined) return busy()
      if (queued instanceof Response) return queued
      const { waitMillis } = asked
      const settled =
        waitMillis > 0 ? await awaitAll(commits, queued, waitMillis, departureOf(request)) : []
      return answerAll(queued, settled, asked)
    }
  }
}
