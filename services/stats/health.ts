/**
 * Whether all is well, from one look at everything: the queue, how durable it is, the database. Takes no
 * longer than the slowest of the three, each of which has its own deadline, and never rejects.
 */
import type { Count, Durability } from "./queue.ts"

export interface HealthDependencies {
  /** Rejects when Redis does not answer. */
  readonly count: () => Promise<Count>
  /** Neither of the two rejects. */
  readonly durability: () => Promise<Durability>
  readonly isDatabaseUp: () => Promise<boolean>
  readonly alertDepth: number
  readonly report: (error: unknown) => void
}

/** What GET /health answers. */
export interface Health {
  readonly status: "healthy" | "degraded" | "unhealthy"
  /** This and the next are null when Redis does not answer. */
  readonly queue_depth: number | null
  readonly worker_active: boolean | null
  readonly durability: Durability["mode"]
  readonly redis: "up" | "down"
  readonly postgres: "up" | "down"
  /** Why writes are held; left out when they are not, like the next. */
  readonly held?: ReadonlyArray<string>
  readonly warnings?: ReadonlyArray<string>
}

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

const warningsOf = ({ mode, canEvict }: Durability): ReadonlyArray<string> =>
  [DURABILITY_WARNINGS[mode], canEvict ? EVICTION_WARNING : null].filter((text) => text !== null)

const toHealth = (
  found: Count | null,
  durable: Durability,
  hasDatabase: boolean,
  alertDepth: number,
): Health => {
  const held = [...(found?.held ?? []), ...(found?.isPaused ? [PAUSED] : [])]
  const warnings = found ? warningsOf(durable) : []
  const isWell =
    found !== null &&
    found.stats.queue_depth <= alertDepth &&
    found.stats.workers > 0 &&
    held.length + warnings.length === 0
  const isDown = found === null || !hasDatabase
  return {
    status: isDown ? "unhealthy" : isWell ? "healthy" : "degraded",
    queue_depth: found?.stats.queue_depth ?? null,
    worker_active: found ? found.stats.workers > 0 : null,
    durability: durable.mode,
    redis: found ? "up" : "down",
    postgres: hasDatabase ? "up" : "down",
    ...(held.length > 0 && { held }),
    ...(warnings.length > 0 && { warnings }),
  }
}

/** The health and the count it comes from, null when Redis does not answer. */
export const makeExamine = (dependencies: HealthDependencies) => async () => {
  const { count, durability, isDatabaseUp, alertDepth, report } = dependencies
  const [found, durable, hasDatabase] = await Promise.all([
    count().catch((error) => {
      report(error)
      return null
    }),
    durability(),
    isDatabaseUp(),
  ])
  return { count: found, health: toHealth(found, durable, hasDatabase, alertDepth) }
}

export type Examine = ReturnType<typeof makeExamine>
