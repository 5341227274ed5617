/**
 * POST /queue/shards: changes how many shards there are, while writes flow. Answers when that is done: within
 * milliseconds, and some seconds when shards do not answer.
 */
import type { Hono } from "hono"
import type { StatsService } from "../../../shared/contract.ts"
import { answer, problem } from "../../../shared/http/answer.ts"
import { type Busy, Unseeded } from "../../../shared/queue/reshard.ts"
import { isRefusal } from "../../../shared/redis/redis.ts"
import { type Guarded, readReshard } from "./request.ts"

/** Rejects when a shard does not answer, or no worker has looked at its first writes yet. */
export type Reshard = (to: number) => Promise<{ readonly from: number } | Busy>

interface Dependencies {
  readonly reshard: Reshard
  readonly audit: (action: string, figures: Readonly<Record<string, number>>) => void
  readonly report: (error: unknown) => void
}

const isUnseeded = (error: unknown) => isRefusal(error) && error.message.startsWith("UNSEEDED")

const LOST =
  "A shard has lost its data, and no worker has seen a write of it since: do it again when one has. Nothing was changed."

const refuse = (error: unknown, { report }: Dependencies): Response => {
  if (error instanceof Unseeded) return problem("shards-unseeded", { detail: LOST })
  if (isUnseeded(error)) return problem("shards-unseeded")
  report(error)
  return problem("shard-unavailable")
}

export const addShards = (app: Hono, guarded: Guarded, dependencies: Dependencies) => {
  app.post(
    "/queue/shards",
    guarded(async ({ req }) => {
      const body = await readReshard(req.raw)
      if (body instanceof Response) return body
      const { shards } = body.decoded
      try {
        const done = await dependencies.reshard(shards)
        if ("to" in done) {
          const detail = `A change to ${done.to} shards is under way, or broke off: do it again with ${done.to} first.`
          return problem("shards-changing", { detail })
        }
        dependencies.audit("shards", { from: done.from, shards })
        const { from } = done
        return answer<StatsService["POST /queue/shards"]>(200, { success: true, from, shards })
      } catch (error) {
        return refuse(error, dependencies)
      }
    }),
  )
}
