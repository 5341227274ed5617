/**
 * Serves the whole queue: a pipeline for each of its lists, which come to be when an operator changes the number of
 * shards. If one of them ends by a fault, so does the worker, and is started anew.
 */
import { Context, Effect, FiberMap, Layer, Schedule } from "effect"
import { everyName, type Layout } from "../../shared/queue/shards.ts"
import { Lease } from "./lease.ts"
import { pipeline } from "./pipeline.ts"
import { layerRedis, Queue } from "./queue.ts"
import { Serving } from "./serving.ts"
import { Settings } from "./settings.ts"
import { Shards } from "./shards.ts"

/** What waits in a new shard waits so long for its first worker. */
const LOOK_INTERVAL = Schedule.spaced("1 second")

/** What a list has of its own. */
const layerShard = (name: string) =>
  Layer.fresh(Lease.layer).pipe(
    Layer.provideMerge(Layer.merge(Serving.layer(name), layerRedis(name))),
  )

/** Runs until it is interrupted; then each pipeline finishes or gives back what it holds, all at once. */
export const serve = Effect.gen(function* () {
  const { WRITE_QUEUE_NAME: queue, WRITE_QUEUE_SHARDS } = yield* Settings
  const shards = yield* Shards
  const fibers = yield* FiberMap.make<string>()

  const open = Effect.fnUntraced(function* (name: string) {
    const context = yield* Layer.build(layerShard(name))
    const opened = Context.get(context, Queue)
    yield* shards.opened(name, opened)
    yield* pipeline.pipe(
      Effect.provideContext(context),
      name === queue ? (served) => served : Effect.annotateLogs({ shard: name }),
    )
  }, Effect.scoped)

  let known: Layout = { shards: WRITE_QUEUE_SHARDS, ever: 0 }
  /** Whoever is asked for the layout serves the queue's own list already. */
  const look = Effect.gen(function* () {
    const [home] = (yield* shards.queues) ?? []
    if (home === undefined) return
    known = yield* home.layout(known)
    const names = everyName(queue, known)
    yield* shards.expect(names)
    yield* Effect.forEach(
      names,
      (name) => FiberMap.run(fibers, name, open(name), { onlyIfMissing: true }),
      { discard: true },
    )
  }).pipe(Effect.ignore)

  yield* FiberMap.run(fibers, queue, open(queue))
  yield* Effect.forkScoped(Effect.repeat(look, LOOK_INTERVAL))
  return yield* FiberMap.join(fibers)
}).pipe(Effect.scoped)
