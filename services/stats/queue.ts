/**
 * count: the queue's figures, all read in one atomic step, so that `writes_queued` is always the sum of
 * what waits, is in flight, was processed and failed. And how durable Redis is, which is asked of Redis,
 * never taken from our own configuration.
 */
import type { Health, Stats } from "../../shared/contract.ts"
import type { Queue } from "../../shared/queue/queue.ts"
import { type Connection, leaveReplica, settingsOf } from "../../shared/redis/redis.ts"
import { toParked } from "./parked.ts"

/** A setting of Redis hardly ever changes; a monitor asks every second. */
const DURABILITY_REFRESH_MILLIS = 5_000

export interface Count {
  readonly stats: Stats
  /** Batches by why their windows closed: full, asked for, too old, or quiet. */
  readonly windows: Readonly<Record<(typeof CLOSINGS)[number], number>>
}

export interface Durability {
  readonly mode: Health["durability"]
  readonly canEvict: boolean
}

const CLOSINGS = ["Full", "Asked", "Elapsed", "Quiet"] as const

type Snapshot = Awaited<ReturnType<Queue["snapshot"]>>

export const toCount = (snapshot: Snapshot): Count => {
  const { counters } = snapshot
  const counter = (name: string) => Number(counters.get(name) ?? 0)
  const stats = {
    queue_depth: snapshot.depth,
    writes_queued: counter("queued"),
    writes_processed: counter("processed"),
    writes_failed: counter("failed"),
    processing_rate: snapshot.rate,
    in_flight: snapshot.inFlight,
    writes_coalesced: counter("coalesced"),
    writes_discarded: counter("discarded"),
    writes_purged: counter("purged"),
    redelivered: counter("redelivered"),
    oldest_age_seconds: snapshot.oldestAge / 1_000_000,
    workers: snapshot.workers,
    paused: counters.has("paused"),
    held: [...new Set(snapshot.holds)],
    parked: toParked(snapshot.parked),
    dead_letters: snapshot.deadLetters,
    since: counters.has("since") ? new Date(counter("since") * 1_000).toISOString() : null,
  }
  const windows = Object.fromEntries(CLOSINGS.map((name) => [name, counter(`window:${name}`)]))
  return { stats, windows: windows as Count["windows"] }
}

export const toDurability = (setting: ReadonlyMap<string, string>): Durability => {
  const fsync = setting.get("appendfsync")
  const isSaving = setting.get("save") !== ""
  const mode =
    setting.get("appendonly") !== "yes"
      ? isSaving
        ? "snapshots"
        : "memory"
      : fsync === "always" || fsync === "everysec" || fsync === "no"
        ? (`aof-${fsync}` as const)
        : "unknown"
  const canEvict =
    setting.get("maxmemory") !== "0" && setting.get("maxmemory-policy") !== "noeviction"
  return { mode, canEvict }
}

const SETTINGS = ["appendonly", "appendfsync", "save", "maxmemory", "maxmemory-policy"] as const
const UNKNOWN: Durability = { mode: "unknown", canEvict: false }

/** Both reject by the connection's own deadline of a second. */
export const makeCount = (redis: Connection, { snapshot }: Pick<Queue, "snapshot">) => {
  let known: { readonly at: number; readonly durability: Promise<Durability> } | null = null

  const count = async (): Promise<Count> => toCount(await snapshot({}))

  /** "unknown" when CONFIG is forbidden, as on many a hosted Redis. Never rejects. */
  const durability = (): Promise<Durability> => {
    const at = performance.now()
    if (known === null || at - known.at > DURABILITY_REFRESH_MILLIS) {
      // Or the figures of a queue that nobody can use would look well.
      void leaveReplica(redis)
      const asked = settingsOf(redis, SETTINGS).then(toDurability, () => {
        known = null
        return UNKNOWN
      })
      known = { at, durability: asked }
    }
    return known.durability
  }
  return { count, durability }
}
