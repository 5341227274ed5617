/** The operators' calls over several shards of a real Redis, by the app itself and held to the contract. */
import { afterEach, beforeEach, expect } from "vitest"
import { encodeDeadLetter, encodeWrite, makeItem } from "../../../shared/item.ts"
import { openShards, type Shards } from "../../../shared/queue/open-shards.ts"
import { changeShards } from "../../../shared/queue/reshard.ts"
import { keyValue } from "../../../shared/testing/write.ts"
import { REDIS_KINDS, type RedisKind, useRedis } from "../../testing/redis.ts"
import { everyQueue } from "../lists.ts"
import { makeLetters } from "../operations/letters.ts"
import { makeWaiting } from "../operations/waiting.ts"
import { makeCount } from "../queue.ts"
import { makeWorkers } from "../workers.ts"
import { setUp } from "./app.ts"

const TOKEN = "0123456789abcdef0123456789abcdef"
const AT = "2026-11-22T00:00:00.000Z"
export const DATABASE = "1/db/public"

/** For the tests of the block; before each there are so many empty shards. */
export const useShards = (first: number, kind: RedisKind = REDIS_KINDS[0]) => {
  const server = useRedis(kind, { own: true })
  const audited: object[] = []
  let shards: Shards
  let ask: ReturnType<typeof setUp>["ask"]

  beforeEach(async () => {
    await server().connection.flushall()
    audited.length = 0
    shards = await openShards({ url: server().url, queue: "write_queue", program: "test", first })
    const queues = everyQueue(shards)
    const operations = {
      letters: makeLetters(queues, 65_536),
      waiting: makeWaiting(queues, 65_536),
      reshard: (to: number) => changeShards(shards, to),
      identity: async () => DATABASE,
      token: { name: "ADMIN_TOKEN" as const, first: TOKEN },
      audit: (action: string, figures: object) => audited.push({ action, ...figures }),
    }
    ask = setUp({}, { ...makeCount(shards), operations }).ask
  })
  afterEach(() => shards.close())

  const send = async (path: string, method = "GET", body?: object) => {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" }
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
    const { status, body: found } = await ask(path, init)
    return { status, ...found }
  }
  /** A list by its place among all: 0 is the queue's own, 1 the first shard. */
  const list = (index: number) => {
    const found = shards.every()[index]
    if (!found) throw new Error(`no list ${index}`)
    return found
  }

  return {
    redis: () => server().connection,
    shards: () => shards,
    workers: () => makeWorkers(everyQueue(shards))(),
    audited,
    send,
    list,
    /** Writes of these keys onto one shard. */
    enqueue: async (shard: number, ...keys: ReadonlyArray<string>) =>
      await list(shard + 1).queue.enqueue({
        ...{ most: 10_000, isFirst: false, shards: shards.current().length, shard },
        writes: keys.map((key) => encodeWrite(keyValue(key))),
      }),
    /** Dead letters of one list, the oldest first. */
    bury: async (index: number, ...versions: ReadonlyArray<number>) => {
      const { keys } = list(index).queue
      const letters = versions.map((version) =>
        encodeDeadLetter(makeItem(version, keyValue(`key:${version}`)), "bad", null, AT),
      )
      await server().connection.lpush(keys.dead, ...letters)
      await server().connection.hincrby(keys.counters, "failed", letters.length)
      await server().connection.hincrby(keys.counters, "queued", letters.length)
    },
    /** Asserts that every write is counted once, and returns the figures. */
    balanced: async () => {
      const stats = await send("/stats")
      const { queue_depth, in_flight, writes_processed, writes_failed } = stats
      const sum = queue_depth + in_flight + writes_processed + writes_failed
      expect(sum).toBe(stats.writes_queued)
      return stats
    },
  }
}
