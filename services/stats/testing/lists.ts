/** A queue that has one list, and queues that have several. */
import type { Queue } from "../../../shared/queue/queue.ts"
import type { Connection } from "../../../shared/redis/redis.ts"
import { type Count, type Snapshot, toCount } from "../count.ts"
import type { Lists } from "../lists.ts"

export const countOf = (snapshot: Snapshot): Count =>
  toCount([{ shard: "write_queue", isCurrent: true, snapshot }])

/** On a connection of the test. */
export const oneList = (redis: Connection, queue: Queue): Lists => {
  const home = { name: "write_queue", redis, queue }
  const layout = { shards: 1, ever: 0 }
  return {
    home,
    layout: () => layout,
    current: () => [home],
    every: () => [home],
    refresh: async () => layout,
  }
}
