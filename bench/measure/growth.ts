/**
 * Growth: accept-only throughput and p99 with nothing, 100,000 and 1,000,000 writes already queued, and
 * how much memory of Redis each of them takes. Three queues, so that the order can alternate.
 */
import { fill, look, remove, untilRewritten, usedBytes } from "../backlog.ts"
import { demandAnswered, run } from "../load.ts"
import type { Options } from "../options.ts"
import { WriteLost } from "../rows.ts"
import type { Context } from "../stage.ts"
import { latencies } from "../trial.ts"
import { type Lane, measureRounds } from "./rounds.ts"

const QUEUED = [0, 100_000, 1_000_000]
const CONNECTIONS = 32
const START_SECONDS = 1
const WARM_SECONDS = 1
const FILL_SECONDS = 14
const OVERHEAD_SECONDS = 0.3

export const growthSeconds = ({ duration, rounds }: Options): number =>
  FILL_SECONDS +
  QUEUED.length * (START_SECONDS + WARM_SECONDS + rounds * (duration + OVERHEAD_SECONDS))

/** A queue of its own with so many writes, which an ingest of its own adds to. */
const start = async ({ stage, results }: Context, queued: number) => {
  const queue = stage.newQueue()
  const before = await usedBytes(stage.queue)
  await fill(stage.queue, queue, [stage.marked], queued)
  const added = (await usedBytes(stage.queue)) - before
  const { writes } = await look(stage.queue, queue)
  // Only where Redis is ours alone, and there is enough to drown its buffers.
  if (writes === Math.max(...QUEUED)) results.bytesPerWrite.push(Math.round(added / writes))
  const contender = await stage.start("accept", "near", { queue })
  const load = async (seconds: number) => {
    // What the rounds before have added is more than nothing.
    if (queued === 0) await remove(stage.queue, queue)
    await untilRewritten(stage.queue)
    const { writes: waiting } = await look(stage.queue, queue)
    const loaded = await run({
      ...{ contender, work: "upsert", tables: [stage.marked], connections: CONNECTIONS, seconds },
      label: stage.newLabel(),
    })
    demandAnswered(loaded, `accept, ${queued} queued`)
    const lost = waiting + loaded.accepted - (await look(stage.queue, queue)).writes
    if (lost > 0) throw new WriteLost(`${lost} writes do not wait behind ${queued}`)
    return latencies(loaded)
  }
  return { queued, queue, contender, load }
}

export const measureGrowth = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  const { rounds, duration } = stage.options
  progress.step("fill queues", FILL_SECONDS)
  const started: Array<Awaited<ReturnType<typeof start>>> = []
  for (const queued of QUEUED) started.push(await start(context, queued))
  for (const { queued, load } of started) {
    progress.step(`warm up ingest, ${queued} queued`, START_SECONDS + WARM_SECONDS)
    await load(WARM_SECONDS)
  }
  const lanes = started.map(
    ({ queued, load }): Lane => ({
      title: `${queued} queued`,
      seconds: duration + OVERHEAD_SECONDS,
      measure: async (round) => {
        const { perSecond, p50, p99 } = await load(duration)
        results.growth.push({ round, queued, perSecond, p50, p99 })
      },
    }),
  )
  await measureRounds(context, rounds, lanes)
  for (const { contender, queue } of started) {
    await contender.stop()
    await remove(stage.queue, queue)
  }
}
