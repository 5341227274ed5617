/**
 * GET /stats and GET /health: how much waits, how fast it goes, and whether all is well. Both answer in
 * less than two seconds whatever the stores do, and the queue's figures do not need the database.
 */
import { Hono } from "hono"
import { answer, handleTheRest, problem } from "../../shared/problem.ts"
import { ADMIN_PATHS, type AdminDependencies, addAdmin } from "./admin.ts"
import type { Count, Durability } from "./queue.ts"

export interface Dependencies {
  /** Rejects when Redis does not answer. */
  readonly count: () => Promise<Count>
  /** Neither of the two rejects. */
  readonly durability: () => Promise<Durability>
  readonly isDatabaseUp: () => Promise<boolean>
  readonly alertDepth: number
  readonly report: (error: unknown) => void
  readonly admin: AdminDependencies
}

const RETRY_SECONDS = 1

const PATHS: ReadonlyMap<string, string> = new Map([
  ["/stats", "GET, HEAD"],
  ["/health", "GET, HEAD"],
  ...ADMIN_PATHS,
])

const DURABILITY_WARNINGS: Readonly<Record<Durability["mode"], string | null>> = {
  "aof-always": null,
  "aof-everysec": "Redis may lose the writes of its last second or two when it stops badly.",
  "aof-no": "Redis may lose the writes of its last half minute when the machine stops badly.",
  snapshots: "Redis may lose the writes since its last snapshot when it stops badly.",
  memory: "Redis keeps nothing on disk: writes that wait are lost when it stops.",
  unknown: "Redis does not say how durable it is (CONFIG is not permitted).",
}
const PAUSED = "Paused by an operator"
const EVICTION_WARNING = "Redis may evict writes that wait: set maxmemory-policy to noeviction."

const warnings = ({ mode, canEvict }: Durability): ReadonlyArray<string> =>
  [DURABILITY_WARNINGS[mode], canEvict ? EVICTION_WARNING : null].filter((text) => text !== null)

export const makeApp = (dependencies: Dependencies): Hono => {
  const { count, durability, isDatabaseUp, alertDepth, report } = dependencies
  const app = new Hono()

  /** Null when Redis does not answer. */
  const counted = () =>
    count().catch((error) => {
      report(error)
      return null
    })

  app.get("/stats", async () => {
    const found = await counted()
    return found
      ? answer(200, found.stats)
      : problem("statistics-unavailable", { retryAfterSeconds: RETRY_SECONDS })
  })

  app.get("/health", async () => {
    const [found, durable, hasDatabase] = await Promise.all([
      counted(),
      durability(),
      isDatabaseUp(),
    ])
    const held = [...(found?.held ?? []), ...(found?.isPaused ? [PAUSED] : [])]
    const warned = found ? warnings(durable) : []
    const isWell =
      found !== null &&
      found.stats.queue_depth <= alertDepth &&
      found.stats.workers > 0 &&
      held.length + warned.length === 0
    const isDown = found === null || !hasDatabase
    return answer(isDown ? 503 : 200, {
      status: isDown ? "unhealthy" : isWell ? "healthy" : "degraded",
      queue_depth: found?.stats.queue_depth ?? null,
      worker_active: found ? found.stats.workers > 0 : null,
      durability: durable.mode,
      redis: found ? "up" : "down",
      postgres: hasDatabase ? "up" : "down",
      ...(held.length > 0 && { held }),
      ...(warned.length > 0 && { warnings: warned }),
    })
  })

  addAdmin(app, dependencies.admin)
  handleTheRest(app, (path) => PATHS.get(path), report)
  return app
}
