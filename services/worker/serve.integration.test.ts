/** A worker that serves all lists of a queue in Redis, and the rows that it makes of them. */

import { randomUUID } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule } from "effect"
import { encodeWrite } from "../../shared/item.ts"
import { type Shards as Opened, openShards, type Shard } from "../../shared/queue/open-shards.ts"
import { changeShards } from "../../shared/queue/reshard.ts"
import { REDIS_KINDS, useRedis } from "../testing/redis.ts"
import { Tables } from "./check.ts"
import { ClaimSize } from "./claim/claim-size.ts"
import { Evidence } from "./evidence/evidence.ts"
import { Hold } from "./hold.ts"
import { Report } from "./report/report.ts"
import { serve } from "./serve.ts"
import { Shards } from "./shards.ts"
import * as DatabaseMemory from "./testing/database-memory.ts"
import { write } from "./testing/kit.ts"
import { layerSettings } from "./testing/worker-memory.ts"

const POLL = "20 millis"

/** Writes the keys to the shards in turn. Resolves to the version that each was told. */
const enqueue = async (shards: Opened, keys: ReadonlyArray<string>) => {
  const all = shards.current()
  const told = new Map<string, number>()
  const ofShard = async ({ queue }: Shard, shard: number) => {
    const own = keys.filter((_, index) => index % all.length === shard)
    const { first, step } = await queue.enqueue({
      ...{ most: 1_000, isFirst: false, shards: all.length, shard },
      writes: own.map((key) => encodeWrite(write(key))),
    })
    for (const [at, key] of own.entries()) told.set(key, first + at * step)
  }
  await Promise.all(all.map(ofShard))
  return told
}

describe.each(REDIS_KINDS)("a worker, on Redis (%s)", (kind) => {
  const server = useRedis(kind)

  it.live("serves every shard, those that come to be while it runs, and those that are left", () =>
    Effect.gen(function* () {
      const queue = `queue-${randomUUID()}`
      const settings = layerSettings({
        ...{ REDIS_URL: server().url, WRITE_QUEUE_NAME: queue, WRITE_QUEUE_SHARDS: 2 },
        WORKER_POLL_INTERVAL: 0,
      })
      const shards = yield* Effect.promise(() =>
        openShards({ url: server().url, queue, program: "test", first: 2 }),
      )
      const layer = Layer.mergeAll(Report.layer, Tables.layer).pipe(
        Layer.provideMerge(Layer.merge(Hold.layer, Evidence.layer)),
        Layer.provideMerge(
          Layer.mergeAll(DatabaseMemory.layerMemory, ClaimSize.layer, Shards.layer),
        ),
        Layer.provideMerge(settings),
      )
      yield* Effect.gen(function* () {
        const table = yield* DatabaseMemory.DatabaseOutside
        const worker = yield* Effect.forkChild(serve)
        const stored = (key: string) =>
          table
            .read(key)
            .pipe(
              Effect.repeat({ while: (row) => row === undefined, schedule: Schedule.spaced(POLL) }),
            )
        const names = (what: string) => Array.from({ length: 30 }, (_, at) => `${what} ${at}`)
        for (const [what, count] of [
          ["two", 2],
          ["five", 5],
          ["one", 1],
        ] as const) {
          if (shards.current().length !== count)
            yield* Effect.promise(() => changeShards(shards, count))
          // A shard whose first write comes later finds rows in the table, and lifts no version above them.
          for (const keys of [[`first ${what}`], names(what)]) {
            for (const [key, version] of yield* Effect.promise(() => enqueue(shards, keys))) {
              expect(yield* stored(key)).toMatchObject({ version })
            }
          }
        }
        const workers = () =>
          Promise.all(shards.every().map(async (each) => (await each.queue.workers(10)).length))
        expect(yield* Effect.promise(workers)).toEqual([1, 1, 1, 1, 1, 1])
        yield* Fiber.interrupt(worker)
        expect(yield* Effect.promise(workers)).toEqual([0, 0, 0, 0, 0, 0])
      }).pipe(Effect.provide(layer), Effect.ensuring(Effect.sync(() => shards.close())))
    }),
  )
})
