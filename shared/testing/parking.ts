/** A queue on a Redis of a test file's own, of which every test gets an empty one, and writes parked in it. */
import { beforeAll, beforeEach, expect } from "vitest"
import { type RedisKind, useRedis } from "../../services/testing/redis.ts"
import { encodeWrite } from "../item.ts"
import { openQueue, type Queue } from "../queue/queue.ts"
import type { Connection } from "../redis/redis.ts"
import { keyValue } from "./write.ts"

export const DATABASE = "1/db/public"
export const LEASE_MILLIS = 60_000
/** More than one command of Redis has room for. */
export const MANY = 2_500

export const keysOf = (items: ReadonlyArray<string>) => items.map((item) => JSON.parse(item).key)
export const versionsOf = (items: ReadonlyArray<string>) =>
  items.map((item) => JSON.parse(item).version)
export const numbered = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`)

export const useParking = (kind: RedisKind) => {
  const server = useRedis(kind, { own: true })
  let redis: Connection
  let queue: Queue

  beforeAll(() => {
    redis = server().connection
    queue = openQueue(redis, "write_queue")
  })
  beforeEach(() => redis.flushall())

  const enqueue = (keys: ReadonlyArray<string>, most = 100_000) =>
    queue.enqueue({
      ...{ most, isFirst: false },
      writes: keys.map((key) => encodeWrite(keyValue(key))),
    })
  const claim = async (id: string, most = 100_000) => {
    await queue.seed({ highest: 0, database: DATABASE })
    const limits = { most, mostBytes: 100_000_000, lease: LEASE_MILLIS, database: DATABASE }
    return (await queue.claim({ id, ...limits }))?.items ?? []
  }
  /** Has these writes accepted, claimed, and parked in one lot. */
  const park = async (lot: string, keys: ReadonlyArray<string>) => {
    await enqueue(keys)
    const items = await claim(lot)
    expect(keysOf(items)).toEqual(keys)
    const versions = versionsOf(items).map(String)
    expect(await queue.park({ id: lot, lot, versions })).toBe(keys.length)
    return versions.map(Number)
  }
  const lotOf = (lot: string) => redis.lrange(`${queue.keys.lotPrefix}${lot}`, 0, -1)
  const batchOf = (id: string) => redis.lrange(queue.keys.batch(id), 0, -1)
  /** Those that wait and are not parked, the next to be claimed first. */
  const waiting = async () => (await redis.lrange(queue.keys.waiting, 0, -1)).reverse()

  /** What always holds, and the figures. */
  const conserved = async () => {
    const figures = await queue.snapshot({})
    const count = (name: string) => Number(figures.counters.get(name) ?? 0)
    const parked = [...figures.parked.values()].reduce((sum, writes) => sum + writes, 0)
    expect(count("queued")).toBe(
      figures.depth + figures.inFlight + count("processed") + count("failed"),
    )
    expect(count("parked")).toBe(parked)
    expect(figures.depth).toBe((await redis.llen(queue.keys.waiting)) + parked)
    expect((await queue.waiting()).writes).toBe(figures.depth)
    return figures
  }

  return {
    redis: () => redis,
    queue: () => queue,
    ...{ enqueue, claim, park, lotOf, batchOf, waiting, conserved },
  }
}
