/** The app of stats in a situation that a test makes, without stores. */
import { asking } from "../../testing/app.ts"
import { CALLS, type Dependencies, makeApp } from "../app.ts"
import type { Count } from "../count.ts"
import type { Letters } from "../operations/letters.ts"
import type { Waiting } from "../operations/waiting.ts"
import type { Durability } from "../queue.ts"

export const ALERT_DEPTH = 1_000
export const MAX_DEPTH = 2_000
export const ALERT_AGE = 10

export const STATS: Count["stats"] = {
  queue_depth: 45,
  writes_queued: 12_450,
  writes_processed: 12_402,
  writes_failed: 3,
  processing_rate: 150.5,
  in_flight: 0,
  writes_coalesced: 40,
  writes_discarded: 0,
  writes_purged: 0,
  redelivered: 7,
  oldest_age_seconds: 1.5,
  workers: 1,
  paused: false,
  held: [],
  parked: {},
  dead_letters: 0,
  since: "2026-11-22T10:00:00.000Z",
}
export const WINDOWS = { Full: 7, Asked: 0, Elapsed: 2, Quiet: 1 }
export const COUNT: Count = { stats: STATS, windows: WINDOWS }
export const DURABLE: Durability = { mode: "aof-always", canEvict: false }

interface Situation {
  readonly stats?: Partial<Count["stats"]>
  readonly durability?: Partial<Durability>
  readonly databaseTrouble?: string
  readonly redis?: Partial<Dependencies["redis"]>
  readonly alertDeadLetters?: number
}

export const setUp = (situation: Situation = {}, options: Partial<Dependencies> = {}) => {
  const reported: unknown[] = []
  const app = makeApp({
    count: async () => ({
      stats: { ...STATS, ...situation.stats },
      windows: WINDOWS,
    }),
    durability: async () => ({ ...DURABLE, ...situation.durability }),
    databaseTrouble: async () => situation.databaseTrouble ?? null,
    redis: { trouble: null, version: null, canAsk: true, ...situation.redis },
    alerts: {
      depth: ALERT_DEPTH,
      maxDepth: MAX_DEPTH,
      ageSeconds: ALERT_AGE,
      deadLetters: situation.alertDeadLetters ?? Number.POSITIVE_INFINITY,
    },
    events: { watch: () => new Response() },
    report: (error) => reported.push(error),
    operations: {
      letters: {} as Letters,
      waiting: {} as Waiting,
      reshard: () => Promise.reject(new Error("away")),
      identity: () => Promise.reject(new Error("away")),
      token: { name: "ADMIN_TOKEN", first: "" },
      audit: () => {},
    },
    ...options,
  })
  const ask = asking(app, CALLS)
  const send = (path: string, method = "GET") => ask(path, { method })
  return { ask, send, reported }
}

export const withoutRedis = () => ({
  count: () => Promise.reject(new Error("canary")),
  durability: async (): Promise<Durability> => ({ mode: "unknown", canEvict: false }),
})

export const HEALTHY = {
  status: "healthy",
  queue_depth: 45,
  worker_active: true,
  durability: "aof-always",
  redis: "up",
  postgres: "up",
}
