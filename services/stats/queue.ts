/**
 * count: the queue's figures, each list of it read in one atomic step, so that `writes_queued` is always the
 * sum of what waits, is in flight, was processed and failed. And how durable Redis is, which is asked of
 * Redis, never taken from our own configuration.
 */
import type { Health } from "../../shared/contract.ts"
import {
  type Connection,
  leaveReplica,
  redisErrorReason,
  settingsOf,
} from "../../shared/redis/redis.ts"
import { type Count, type Listed, toCount, toShardStats } from "./count.ts"
import { type Away, describeList, everyList, type Lists, ListsAway, labelOf } from "./lists.ts"

/** A setting of Redis hardly ever changes; a monitor asks every second. */
const DURABILITY_REFRESH_MILLIS = 5_000

export interface Durability {
  readonly mode: Health["durability"]
  readonly canEvict: boolean
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

/** From the best to the worst: what is known to be bad is worse than what is not known. */
const MODES = ["aof-always", "unknown", "aof-everysec", "aof-no", "snapshots", "memory"] as const

/** Of several nodes: a write may be on any. */
export const worst = (nodes: ReadonlyArray<Durability>): Durability => ({
  mode: MODES.findLast((mode) => nodes.some((node) => node.mode === mode)) ?? "unknown",
  canEvict: nodes.some(({ canEvict }) => canEvict),
})

/** Rejects with `ListsAway` when some of several lists do not answer, and some do. */
const countOf = async (lists: Lists): Promise<Count> => {
  const [home, ...others] = await everyList(lists)
  if (home === undefined || others.length === 0) {
    const snapshot = await lists.home.queue.snapshot({})
    return toCount([{ shard: lists.home.name, isCurrent: true, snapshot }])
  }
  const away: Array<Away & { readonly error: unknown }> = []
  const listed: Listed[] = []
  const ask = async (list: typeof home) => {
    const [shard, isCurrent] = [labelOf(lists, list), lists.current().includes(list)]
    return await list.queue.snapshot({}).then(
      (snapshot) => ({ shard, isCurrent, snapshot }),
      (error) => {
        const why = redisErrorReason(error, list.redis.link)
        return { shard, isCurrent, error, reason: `${describeList(lists, list)}: ${why}` }
      },
    )
  }
  for (const one of await Promise.all([home, ...others].map(ask))) {
    if ("snapshot" in one) listed.push(one)
    else away.push(one)
  }
  // Redis as a whole is away, as of a single list.
  if (listed.length === 0) throw away[0]?.error
  if (away.length > 0) throw new ListsAway(away, listed.map(toShardStats))
  return toCount(listed)
}

/** Both reject by the connections' own deadline of a second. */
export const makeCount = (lists: Lists) => {
  let known: { readonly at: number; readonly durability: Promise<Durability> } | null = null

  const ask = async (redis: Connection) => {
    // Or the figures of a queue that nobody can use would look well.
    void leaveReplica(redis)
    return await settingsOf(redis, SETTINGS).then(toDurability, () => {
      known = null
      return UNKNOWN
    })
  }

  /** "unknown" when CONFIG is forbidden, as on many a hosted Redis. Never rejects. */
  const durability = (): Promise<Durability> => {
    const at = performance.now()
    if (known === null || at - known.at > DURABILITY_REFRESH_MILLIS) {
      const asked = Promise.all(lists.every().map(({ redis }) => ask(redis))).then(worst)
      known = { at, durability: asked }
    }
    return known.durability
  }
  return { count: () => countOf(lists), durability }
}
