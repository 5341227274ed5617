/**
 * Growth: accept-only throughput and p99 with nothing, 100,000 and 1,000,000 writes already queued, and
 * how much memory of Redis each of them takes. Three queues, so that the order can alternate.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { fill, look, remove } from "../backlog.ts"
import type { Contender } from "../contender.ts"
import { run } from "../load.ts"
import type { Options } from "../options.ts"
import type { GrowthRound } from "../result.ts"
import type { Context, Stage } from "../stage.ts"
import { latencies, newLabel } from "../trial.ts"

const QUEUED = [0, 100_000, 1_000_000]
const CONNECTIONS = 32
const WARM_SECONDS = 1
const FILL_SECONDS = 14
const OVERHEAD_SECONDS = 0.3
const POLL_MILLIS = 50

export const growthSeconds = ({ duration, rounds }: Options): number =>
  FILL_SECONDS + QUEUED.length * (1 + WARM_SECONDS + rounds * (duration + OVERHEAD_SECONDS))

interface Lane {
  readonly queued: number
  readonly queue: string
  readonly contender: Contender
}

const usedBytes = async ({ queue: redis }: Stage): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1])

/** Redis writes its AOF anew when it has doubled; that is not what is measured here. */
const untilRewritten = async ({ queue: redis }: Stage): Promise<void> => {
  while (/aof_rewrite_(in_progress|scheduled):1/.test(await redis.info("persistence"))) {
    await sleep(POLL_MILLIS)
  }
}

const load = async (stage: Stage, { contender, queue, queued }: Lane, seconds: number) => {
  // What the rounds before have added is more than nothing.
  if (queued === 0) await remove(stage.queue, queue)
  await untilRewritten(stage)
  const { url } = contender
  const loaded = await run({ url, connections: CONNECTIONS, seconds, label: newLabel() })
  const { perSecond, p50, p99 } = latencies(loaded)
  return { perSecond, p50, p99 }
}

export const measureGrowth = async ({ stage, results, progress }: Context): Promise<void> => {
  const { rounds, duration } = stage.options
  progress.step("fill queues", FILL_SECONDS)
  const lanes: Lane[] = []
  for (const queued of QUEUED) {
    const queue = stage.newQueue()
    const before = await usedBytes(stage)
    await fill(stage.queue, queue, queued)
    const added = (await usedBytes(stage)) - before
    const { writes } = await look(stage.queue, queue)
    // Only where Redis is ours alone, and there is enough to drown its buffers.
    if (writes === Math.max(...QUEUED)) results.bytesPerWrite.push(Math.round(added / writes))
    lanes.push({ queued, queue, contender: await stage.start("accept", "near", { queue }) })
  }
  for (const lane of lanes) {
    progress.step(`warm up ingest, ${lane.queued} queued`, 1 + WARM_SECONDS)
    await load(stage, lane, WARM_SECONDS)
  }
  for (let round = 1; round <= rounds; round++) {
    for (const lane of round % 2 ? lanes : lanes.toReversed()) {
      const { queued } = lane
      progress.step(`round ${round}/${rounds}: ${queued} queued`, duration + OVERHEAD_SECONDS)
      const measured: Omit<GrowthRound, "round" | "queued"> = await load(stage, lane, duration)
      results.growth.push({ round, queued, ...measured })
    }
  }
  for (const { contender, queue } of lanes) {
    await contender.stop()
    await remove(stage.queue, queue)
  }
}
