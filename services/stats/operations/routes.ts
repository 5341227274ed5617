/**
 * The operators' calls, each behind the bearer token of ADMIN_TOKEN; without one configured they are off
 * and say so. They alone show keys and values, and they say in the log what was done, not to what. A call
 * that was not done in its time answers with `next`: the body of the call that goes on.
 */
import type { Hono } from "hono"
import type { StatsService } from "../../../shared/contract.ts"
import { answer, problem } from "../../../shared/http/answer.ts"
import { makeGuarded, type Token } from "../../../shared/http/token.ts"
import type { Letters, Moved } from "./letters.ts"
import { type Guarded, readConfirm, readPage, readSelection } from "./request.ts"
import { addShards, type Reshard } from "./shards.ts"
import type { Waiting } from "./waiting.ts"

export interface OperationsDependencies {
  readonly letters: Letters
  readonly waiting: Waiting
  readonly reshard: Reshard
  /** Of the database that this service looks at; rejects when it does not answer. */
  readonly identity: () => Promise<string>
  /** Without one the calls are off. */
  readonly token: Token
  /** What was done, and to how many writes or shards. */
  readonly audit: (action: string, figures: Readonly<Record<string, number>>) => void
}

/** A purge is for what the operator has seen: the depth may have changed by a tenth, or by ten. */
const CONFIRM_SHARE = 0.1
const CONFIRM_WRITES = 10

/** Of a single list it is its version, as it was before there were shards. */
const sent = (newest: ReadonlyArray<number>) => {
  const [only, ...others] = newest
  return only === undefined || others.length > 0 ? newest : only
}

type Asked = Exclude<ReturnType<typeof readPage>, Response>

const onPage = (guarded: Guarded, reply: (asked: Asked) => Promise<Response>) =>
  guarded(async ({ req }) => {
    const asked = readPage(req.query())
    return asked instanceof Response ? asked : await reply(asked)
  })

const addLetters = (
  app: Hono,
  guarded: Guarded,
  { letters, audit }: Pick<OperationsDependencies, "letters" | "audit">,
) => {
  const onSelection = (action: "replay" | "discard", reply: (done: Moved) => Response) =>
    guarded(async ({ req }) => {
      const body = await readSelection(req.raw)
      if (body instanceof Response) return body
      const done = await letters[action](body.decoded)
      if (done === null) return problem("dead-letters-changed")
      audit(action, { writes: done.moved })
      return reply(done)
    })

  app.get(
    "/dead",
    onPage(guarded, async ({ after, limit, filter }) => {
      const page = await letters.page(after, limit, filter)
      return answer<StatsService["GET /dead"]>(200, { success: true, ...page })
    }),
  )
  app.get(
    "/dead/reasons",
    onPage(guarded, async ({ after, filter }) => {
      const reasons = await letters.reasons(after, filter)
      return answer<StatsService["GET /dead/reasons"]>(200, { success: true, ...reasons })
    }),
  )
  app.post(
    "/dead/replay",
    onSelection("replay", ({ moved, ...rest }) =>
      answer<StatsService["POST /dead/replay"]>(200, { success: true, replayed: moved, ...rest }),
    ),
  )
  app.delete(
    "/dead",
    onSelection("discard", ({ moved, ...rest }) =>
      answer<StatsService["DELETE /dead"]>(200, { success: true, discarded: moved, ...rest }),
    ),
  )
}

const addWaiting = (
  app: Hono,
  guarded: Guarded,
  { waiting, identity, audit }: Pick<OperationsDependencies, "waiting" | "identity" | "audit">,
) => {
  app.get(
    "/queue",
    onPage(guarded, async ({ limit }) => {
      const looked = await waiting.peek(limit)
      return answer<StatsService["GET /queue"]>(200, { success: true, ...looked })
    }),
  )
  app.delete(
    "/queue",
    guarded(async ({ req }) => {
      const body = await readConfirm(req.raw)
      if (body instanceof Response) return body
      const { confirm, newest } = body.decoded
      const seen = await waiting.seen()
      const isFirst = newest === undefined
      const change = Math.abs(seen.writes - confirm)
      if (isFirst && change > Math.max(CONFIRM_WRITES, confirm * CONFIRM_SHARE)) {
        const detail = `${seen.writes} writes wait now, not ${confirm}.`
        return problem("depth-changed", { detail })
      }
      const { purged, next } = await waiting.purge({
        writes: Math.min(confirm, seen.writes),
        newest: newest === undefined ? seen.newest : [newest].flat(),
      })
      audit("purge", { writes: purged })
      const rest = next && { confirm: String(next.writes), newest: sent(next.newest) }
      return answer<StatsService["DELETE /queue"]>(200, { success: true, purged, next: rest })
    }),
  )

  app.post(
    "/queue/adopt",
    guarded(async () => {
      const database = await identity().catch(() => null)
      if (database === null) {
        return problem("database-unavailable", { detail: "Which database this is is not known." })
      }
      await waiting.adopt(database)
      audit("adopt", {})
      return answer<StatsService["POST /queue/adopt"]>(200, { success: true, database })
    }),
  )

  const onMark = (action: "pause" | "resume") =>
    guarded(async () => {
      await waiting[action]()
      audit(action, {})
      const paused = action === "pause"
      return answer<StatsService[`POST /worker/${typeof action}`]>(200, { success: true, paused })
    })
  app.post("/worker/pause", onMark("pause"))
  app.post("/worker/resume", onMark("resume"))
}

export const addOperations = (
  app: Hono,
  { token, ...dependencies }: OperationsDependencies,
  report: (error: unknown) => void,
) => {
  const guarded: Guarded =
    token.first === "" ? () => () => problem("operations-off") : makeGuarded(token)
  addLetters(app, guarded, dependencies)
  addWaiting(app, guarded, dependencies)
  addShards(app, guarded, { ...dependencies, report })
}
