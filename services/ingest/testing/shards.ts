/** Shards as a test has them: of its own queues, or of what only looks like some. */
import type { Shard } from "../../../shared/queue/open-shards.ts"
import { openQueue, type Queue } from "../../../shared/queue/queue.ts"
import type { Connection, Link } from "../../../shared/redis/redis.ts"

const shardsOf = (all: ReadonlyArray<Shard>) => ({
  home: all[0] as Shard,
  current: () => all,
  refresh: async () => ({ shards: all.length, ever: 0 }),
})

/** The single shard that this connection has. */
export const shardOn = (redis: Connection, name: string) => {
  const queue = openQueue(redis, name)
  return { ...shardsOf([{ name, redis, queue }]), queue }
}

/** Shards whose calls are the test's. */
export const fakeShards = (queues: ReadonlyArray<Partial<Queue>>, link: Link) =>
  shardsOf(queues.map((queue) => ({ name: "write_queue", redis: { link }, queue }) as never))

export const fakeShard = (queue: Partial<Queue>, link: Link) => fakeShards([queue], link)
