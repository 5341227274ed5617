/**
 * A queue in a Redis as everybody but the worker meets it: the
 * counterpart of `QueueOutside` in memory, by the scripts and keys that ingest and stats use.
 */
import { randomUUID } from "node:crypto"
import { Context, Effect, Layer } from "effect"
import { decodeDeadLetter, encodeWrite } from "../../../shared/item.ts"
import { openQueue, type Queue } from "../../../shared/queue/queue.ts"
import { type Connection, openRedis, untilReady } from "../../../shared/redis/redis.ts"
import { useRedis as useServer } from "../../testing/redis.ts"
import { layerRedis } from "../queue.ts"
import { Settings } from "../settings.ts"
import { QueueOutside, type Snapshot } from "./queue-memory.ts"
import { layerSettings } from "./worker-memory.ts"

/** A connection to the tests' Redis, and the queue at hand. */
export class Redis extends Context.Service<
  Redis,
  { readonly redis: Connection; readonly queue: Queue }
>()("write-buffer/worker/Redis") {}

const QUEUE_MAX_DEPTH = 1_000_000

/** Tests expire leases in a full Redis too, which refuses a plain ZADD. */
const EXPIRE = "#!lua flags=allow-oom\nreturn redis.call('ZADD', KEYS[1], 'XX', 1, ARGV[1])"

const snapshotOf = async ({ redis, queue }: Redis["Service"]): Promise<Snapshot> => {
  const { keys } = queue
  const { inFlight, counters, parked } = await queue.snapshot({})
  const count = (name: string) => Number(counters.get(name) ?? 0)
  const lots = await Promise.all(
    [...parked.keys()].map(
      async (lot) => [lot, await redis.lrange(`${keys.lotPrefix}${lot}`, 0, -1)] as const,
    ),
  )
  const [waiting, dead, workers, holds] = await Promise.all([
    redis.lrange(keys.waiting, 0, -1),
    redis.lrange(keys.dead, 0, -1),
    redis.zrange(keys.workers, "0", "-1"),
    redis.hgetall(keys.holds),
  ])
  return {
    waiting: waiting.reverse(),
    parked: Object.fromEntries(lots),
    inFlight,
    version: count("version"),
    queued: count("queued"),
    processed: count("processed"),
    coalesced: count("coalesced"),
    failed: count("failed"),
    redelivered: count("redelivered"),
    windows: {
      Full: count("window:Full"),
      Asked: count("window:Asked"),
      Elapsed: count("window:Elapsed"),
      Quiet: count("window:Quiet"),
    },
    dead: dead.reverse(),
    workers: Object.fromEntries(workers.map((name) => [name, holds[name] ?? ""])),
  }
}

const outsideOf = (opened: Redis["Service"]) => {
  const { redis, queue } = opened
  const { keys } = queue
  return QueueOutside.of({
    enqueue: (writes, isAwaited = false) =>
      Effect.promise(async () => {
        const { first, taken } = await queue.enqueue({
          most: QUEUE_MAX_DEPTH,
          isFirst: false,
          awaited: isAwaited ? writes.map((_, index) => index + 1).join(" ") : "",
          writes: writes.map(encodeWrite),
        })
        if (taken < writes.length) throw new Error(`${taken} of ${writes.length} were taken`)
        return first
      }),
    push: (...texts) => Effect.promise(() => redis.lpush(keys.waiting, ...texts)),
    snapshot: Effect.promise(() => snapshotOf(opened)),
    leaseLeft: (id) =>
      Effect.promise(async () => {
        const deadline = await redis.zscore(keys.leases, id)
        const [seconds, micros] = await redis.time()
        return deadline && Number(deadline) - Number(seconds) * 1_000 - Number(micros) / 1_000
      }) as Effect.Effect<number | null>,
    pause: (paused) =>
      Effect.promise(() =>
        paused ? redis.hset(keys.counters, "paused", 1) : redis.hdel(keys.counters, "paused"),
      ),
    give: (database) => Effect.promise(() => queue.own({ database })),
    replay: (letter) =>
      Effect.promise(() => queue.replay({ pairs: [letter, decodeDeadLetter(letter).item] })),
    expire: (id) => Effect.promise(() => redis.eval(EXPIRE, 1, keys.leases, id)),
  })
}

const layerOutside = Layer.effectContext(
  Effect.gen(function* () {
    const settings = yield* Settings
    const redis = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const opened = openRedis(settings.REDIS_URL, { name: "test" })
        await untilReady(opened)
        return opened
      }),
      (opened) => Effect.sync(() => opened.disconnect()),
    )
    const opened = { redis, queue: openQueue(redis, settings.WRITE_QUEUE_NAME) }
    return Context.make(Redis, opened).pipe(Context.add(QueueOutside, outsideOf(opened)))
  }),
)

/** The worker's queue at this URL and everybody else's view of it, with a name of its own. */
export const layerAt = (url: string, outsideUrl = url) =>
  Layer.suspend(() => {
    const WRITE_QUEUE_NAME = `queue-${randomUUID()}`
    return Layer.merge(
      Layer.provide(
        layerRedis(WRITE_QUEUE_NAME),
        layerSettings({ REDIS_URL: url, WRITE_QUEUE_NAME }),
      ),
      Layer.provide(layerOutside, layerSettings({ REDIS_URL: outsideUrl, WRITE_QUEUE_NAME })),
    )
  })

/**
 * A Redis for the tests of the file or block: a part of everybody's, or with `own` a server of its own.
 */
export const useRedis = (...parameters: Parameters<typeof useServer>) => {
  const server = useServer(...parameters)
  return { server, layer: Layer.suspend(() => layerAt(server().url)) }
}
