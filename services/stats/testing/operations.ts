/** The operators' calls over a real Redis, by the app itself and held to the contract. */
import { beforeAll, beforeEach, expect } from "vitest"
import { openQueue, type Queue } from "../../../shared/queue/queue.ts"
import { REDIS_KINDS, type RedisKind, useRedis } from "../../testing/redis.ts"
import { makeLetters } from "../operations/letters.ts"
import { makeWaiting } from "../operations/waiting.ts"
import { makeCount } from "../queue.ts"
import { setUp } from "./app.ts"
import { oneList } from "./lists.ts"
import { parkOn } from "./park.ts"

const TOKEN = "0123456789abcdef0123456789abcdef"

/** For the tests of the block; before each Redis is empty. */
export const useOperations = (kind: RedisKind = REDIS_KINDS[0]) => {
  const server = useRedis(kind)
  let queue: Queue
  let ask: ReturnType<typeof setUp>["ask"]

  beforeAll(() => {
    const redis = server().connection
    queue = openQueue(redis, "write_queue")
    const operations = {
      letters: makeLetters(async () => [queue], 65_536),
      waiting: makeWaiting(async () => [queue], 65_536),
      reshard: () => Promise.reject(new Error("away")),
      identity: () => Promise.reject(new Error("away")),
      token: { name: "ADMIN_TOKEN" as const, first: TOKEN },
      audit: () => {},
    }
    ask = setUp({}, { ...makeCount(oneList(redis, queue)), operations }).ask
  })
  beforeEach(async () => {
    await server().connection.flushdb()
  })

  const send = async (path: string, method = "GET", body?: object) => {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" }
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
    const { status, body: found } = await ask(path, init)
    return { status, ...found }
  }
  /** Returns the version of the first. */
  const enqueue = async (...writes: ReadonlyArray<string>) =>
    (await queue.enqueue({ most: 10_000, isFirst: false, writes })).first

  return {
    redis: () => server().connection,
    handle: () => queue,
    send,
    enqueue,
    park: (lot: string, ...writes: ReadonlyArray<string>) => parkOn(queue, lot, ...writes),
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
