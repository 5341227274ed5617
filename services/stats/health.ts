/**
 * Whether all is well, from one look at everything: the queue, how durable it is, the database. Takes no
 * longer than the slowest of the three, each of which has its own deadline, and never rejects.
 */
import type { Health, Stats } from "../../shared/contract.ts"
import { isRefusal, type Link, redisErrorReason } from "../../shared/redis/redis.ts"
import type { Count } from "./count.ts"
import { partOf } from "./lists.ts"
import { parkedWarnings } from "./parked.ts"
import type { Durability } from "./queue.ts"
import { awayWarnings, shardWarnings, whereOldest } from "./shard-warnings.ts"

/** Above each of them, or at the most that may wait, the health is degraded. */
export interface Alerts {
  readonly depth: number
  /** At it ingest refuses writes. */
  readonly maxDepth: number
  readonly ageSeconds: number
  /** Infinity: dead letters are a warning and no more. */
  readonly deadLetters: number
}

export interface HealthDependencies {
  /** Rejects when Redis does not answer. */
  readonly count: () => Promise<Count>
  /** Neither of the two rejects. */
  readonly durability: () => Promise<Durability>
  /** Null when it can be used. */
  readonly databaseTrouble: () => Promise<string | null>
  /** What the connection to Redis has learned. */
  readonly redis: Readonly<Pick<Link, "trouble" | "version" | "canAsk">>
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
const FULL_WARNING = "The queue is full: writes are refused with 503."
const BLIND_WARNING =
  "Redis does not say its version, nor when a replica is promoted (INFO is not permitted)."
const EVICTION_WARNING = "Redis may evict writes that wait: set maxmemory-policy to noeviction."

const whole = new Intl.NumberFormat("en")
const tenths = (seconds: number) => Math.floor(seconds * 10) / 10

const durabilityWarnings = ({ mode, canEvict }: Durability): ReadonlyArray<string> =>
  [DURABILITY_WARNINGS[mode], canEvict ? EVICTION_WARNING : null].filter((text) => text !== null)

/** Of what waits for longer, or is more, than the alerts allow, and of what was set aside. */
const alarms = (stats: Stats, alerts: Alerts): ReadonlyArray<string> => {
  const { queue_depth: depth, oldest_age_seconds: age, dead_letters: dead } = stats
  return [
    ...(depth >= alerts.maxDepth && !stats.shards ? [FULL_WARNING] : []),
    ...shardWarnings(stats, alerts.maxDepth),
    ...(depth > alerts.depth
      ? [`${whole.format(depth)} writes wait: more than ${whole.format(alerts.depth)}.`]
      : []),
    ...(age > alerts.ageSeconds
      ? [
          `The oldest write${whereOldest(stats)} has waited ${tenths(age)} s: longer than ${alerts.ageSeconds} s.`,
        ]
      : []),
    ...(dead > alerts.deadLetters
      ? [`${deadLetters(dead)}: more than ${alerts.deadLetters}.`]
      : []),
    ...parkedWarnings(stats),
  ]
}

const deadLetters = (dead: number) =>
  dead === 1 ? "1 dead letter stands" : `${whole.format(dead)} dead letters stand`

const isWell = ({ stats }: Count) => stats.workers > 0 && !stats.paused && stats.held.length === 0

/** Why there are no figures. The network's own codes are known by `down` alone. */
const absence = (
  error: unknown,
  { trouble }: HealthDependencies["redis"],
): ReadonlyArray<string> => {
  if (trouble !== null) return [`REDIS_URL: ${trouble}.`]
  return isRefusal(error) ? [`Redis answers, and refuses: ${redisErrorReason(error)}.`] : []
}

interface Found {
  /** Null when Redis does not answer, or a part of it, for the reasons in `absent`. */
  readonly count: Count | null
  /** Of several shards some answer: their writes go on. */
  readonly isPartly: boolean
  readonly absent: ReadonlyArray<string>
  readonly durable: Durability
  readonly trouble: string | null
}

const toHealth = (
  { count, isPartly, absent, durable, trouble }: Found,
  { alerts, redis }: Pick<HealthDependencies, "alerts" | "redis">,
): Health => {
  const { stats } = count ?? {}
  const reasons = [
    ...absent,
    ...(stats ? [...durabilityWarnings(durable), ...alarms(stats, alerts)] : []),
    ...(stats && !redis.canAsk ? [BLIND_WARNING] : []),
    ...(trouble === null ? [] : [`${trouble}.`]),
  ]
  const dead = stats?.dead_letters ?? 0
  const isNoted = dead > 0 && dead <= alerts.deadLetters
  const warnings = [...reasons, ...(isNoted ? [`${deadLetters(dead)}.`] : [])]
  const isUp = count !== null || isPartly
  const isDown = !isUp || trouble !== null
  const isGood = count !== null && isWell(count) && reasons.length === 0
  return {
    status: isDown ? "unhealthy" : isGood ? "healthy" : "degraded",
    queue_depth: stats?.queue_depth ?? null,
    worker_active: stats ? stats.workers > 0 : null,
    durability: durable.mode,
    redis: isUp ? "up" : "down",
    ...(redis.version && { redis_version: redis.version }),
    postgres: trouble === null ? "up" : "down",
    ...(stats?.paused && { paused: true }),
    ...(stats && stats.held.length > 0 && { held: stats.held }),
    ...(warnings.length > 0 && { warnings }),
  }
}

/** The health and the count it comes from, null when Redis, or a shard of it, does not answer. */
export const makeExamine = (dependencies: HealthDependencies) => async () => {
  const { durability, databaseTrouble, redis, report } = dependencies
  const [{ count, ...missing }, durable, trouble] = await Promise.all([
    dependencies.count().then(
      (count) => ({ count, isPartly: false, absent: [] }),
      (error) => {
        report(error)
        const { away } = partOf(error)
        const isPartly = away.length > 0
        return {
          count: null,
          isPartly,
          absent: isPartly ? awayWarnings(away) : absence(error, redis),
        }
      },
    ),
    durability(),
    databaseTrouble(),
  ])
  return { count, health: toHealth({ count, ...missing, durable, trouble }, dependencies) }
}

export type Examine = ReturnType<typeof makeExamine>
