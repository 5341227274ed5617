/**
 * The connections to all shards of a queue: one to each, to whichever node has it. The layout is looked at once a
 * second, so that a change of it reaches every process.
 */
import { type Connection, closeRedis, connectRedis } from "../redis/redis.ts"
import { openQueue, type Queue } from "./queue.ts"
import { everyName, type Layout, shardNames } from "./shards.ts"

const REFRESH_MILLIS = 1_000

/** A list of the queue, and the connection to the node that has it. */
export interface Shard {
  readonly name: string
  readonly redis: Connection
  readonly queue: Queue
}

export interface Shards {
  /** The queue's own list, onto which others push, and beside which the layout lies. */
  readonly home: Shard
  /** Null while nobody has said it: then a write has no place. */
  readonly layout: () => Layout | null
  /** Those that ingest writes to, by their numbers. */
  readonly current: () => ReadonlyArray<Shard>
  /** All that may hold writes, the home first. */
  readonly every: () => ReadonlyArray<Shard>
  /** Looks at the layout now. Rejects when the home does not answer; then what was known stays. */
  readonly refresh: () => Promise<Layout>
  readonly close: () => void
}

export interface OpenShardsOptions {
  readonly url: string
  readonly queue: string
  /** Names the connections. */
  readonly program: string
  /** How many shards a queue gets in which nothing has ever been. */
  readonly first: number
}

/** Resolves when all are connected, or have had the time for it. */
export const openShards = async (options: OpenShardsOptions): Promise<Shards> => {
  const { url, queue, program, first } = options
  const shards = new Map<string, Promise<Shard>>()
  let current: ReadonlyArray<Shard> = []
  let every: ReadonlyArray<Shard> = []
  let layout: Layout | null = null

  const open = (name: string) => {
    const opening =
      shards.get(name) ??
      connectRedis(url, { name: program, slotOf: name }).then((redis) => ({
        ...{ name, redis, queue: openQueue(redis, name) },
      }))
    shards.set(name, opening)
    return opening
  }
  const openAll = (names: ReadonlyArray<string>) => Promise.all(names.map(open))

  const home = await open(queue)
  every = [home]
  const refresh = async () => {
    const known = layout ?? { shards: first, ever: 0 }
    const found = await home.queue.layoutOf({ first: known.shards, ever: known.ever })
    every = await openAll(everyName(queue, found))
    current = await openAll(shardNames(queue, found.shards))
    layout = found
    return found
  }
  const look = () =>
    refresh().then(
      () => {},
      () => {},
    )
  await look()
  const timer = setInterval(look, REFRESH_MILLIS)
  return {
    home,
    layout: () => layout,
    current: () => current,
    every: () => every,
    refresh,
    close: () => {
      clearInterval(timer)
      for (const shard of shards.values()) void shard.then(({ redis }) => closeRedis(redis))
    },
  }
}
