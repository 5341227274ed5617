/**
 * Whether all is well, from one look at everything: the queue, how durable it is, the database. Takes no
 * longer than the slowest of the three, each of which has its own deadline, and never rejects.
 */
import type { Health, Stats } from "../../shared/contract.ts"
import type { Link } from "../../shared/redis/redis.ts"
import type { Count, Durability } from "./queue.ts"

/** Above each of them the health is degraded. */
export interface Alerts {
  readonly depth: number
  readonly ageSeconds: number
  /** Infinity: dead letters are a warning and no more. */
  readonly deadLetters: number
}

export interface HealthDependencies {
  /** Rejects when Redis does not answer. */
  readonly count: () => Promise<Count>
  /** Neither of the two rejects. */
  readonly durability: () => Promise<Durability>
  readonly isDatabaseUp: () => Promise<boolean>
  /** What the connection to Redis has learned. */
  readonly redis: Readonly<Pick<Link, "trouble" | "version">>
  readonly alerts: Alerts
  readonly report: (error: unknown) => void
}

const DURABILITY_WARNINGS: Readonly<Record<Durability["mode"], string | null>> = {
  "aof-always": null,
  "aof-everysec": "Redis may lose the writes of its last second or two when it stops badly.",
  "aof-no": "Redis may lose the writes of its last half minute when the machine stops badly.",
  snapshots: "Redis may lose the writes since its last snapshot when it stops badly.",
  memory: "Redis keeps nothing on disk: writes that wait are lost when it stops.",
  unknown: "Redis does not say how durable it is (CONFIG is not permitted).",
}
const EVICTION_WARNING = "Redis may evict writes that wait: set maxmemory-policy to noeviction."

const whole = new Intl.NumberFormat("en")
const tenths = (seconds: number) => Math.floor(seconds * 10) / 10

const durabilityWarnings = ({ mode, canEvict }: Durability): ReadonlyArray<string> =>
  [DURABILITY_WARNINGS[mode], canEvict ? EVICTION_WARNING : null].filter((text) => text !== null)

/** Of what waits for longer, or is more, than the alerts allow. */
const alarms = (stats: Stats, alerts: Alerts): ReadonlyArray<string> => {
  const { queue_depth: depth, oldest_age_seconds: age, dead_letters: dead } = stats
  return [
    ...(depth > alerts.depth
      ? [`${whole.format(depth)} writes wait: more than ${whole.format(alerts.depth)}.`]
      : []),
    ...(age > alerts.ageSeconds
      ? [`The oldest write has waited ${tenths(age)} s: longer than ${alerts.ageSeconds} s.`]
      : []),
    ...(dead > alerts.deadLetters
      ? [`${deadLetters(dead)}: more than ${alerts.deadLetters}.`]
      : []),
  ]
}

const deadLetters = (dead: number) =>
  dead === 1 ? "1 dead letter stands" : `${whole.format(dead)} dead letters stand`

const isWell = ({ stats }: Count) => stats.workers > 0 && !stats.paused && stats.held.length === 0

const toHealth = (
  found: Count | null,
  durable: Durability,
  hasDatabase: boolean,
  { alerts, redis }: Pick<HealthDependencies, "alerts" | "redis">,
): Health => {
  const { stats } = found ?? {}
  const away = redis.trouble ? [`REDIS_URL: ${redis.trouble}.`] : []
  const reasons = stats ? [...durabilityWarnings(durable), ...alarms(stats, alerts)] : away
  const dead = stats?.dead_letters ?? 0
  const isNoted = dead > 0 && dead <= alerts.deadLetters
  const warnings = [...reasons, ...(isNoted ? [`${deadLetters(dead)}.`] : [])]
  const isDown = found === null || !hasDatabase
  return {
    status: isDown ? "unhealthy" : isWell(found) && reasons.length === 0 ? "healthy" : "degraded",
    queue_depth: stats?.queue_depth ?? null,
    worker_active: stats ? stats.workers > 0 : null,
    durability: durable.mode,
    redis: found ? "up" : "down",
    ...(redis.version && { redis_version: redis.version }),
    postgres: hasDatabase ? "up" : "down",
    ...(stats?.paused && { paused: true }),
    ...(stats && stats.held.length > 0 && { held: stats.held }),
    ...(warnings.length > 0 && { warnings }),
  }
}

/** The health and the count it comes from, null when Redis does not answer. */
export const makeExamine = (dependencies: HealthDependencies) => async () => {
  const { count, durability, isDatabaseUp, report } = dependencies
  const [found, durable, hasDatabase] = await Promise.all([
    count().catch((error) => {
      report(error)
      return null
    }),
    durability(),
    isDatabaseUp(),
  ])
  return { count: found, health: toHealth(found, durable, hasDatabase, dependencies) }
}

export type Examine = ReturnType<typeof makeExamine>
