/**
 * Drain: how fast a backlog reaches the table, as a share of a bare loop that upserts the same rows in
 * batches of the same size, as many in flight as a worker has: the limit of the database here.
 */
import { upsert } from "../../shared/database.ts"
import { queueKeys } from "../../shared/queue.ts"
import type { Item } from "../../shared/write.ts"
import { drained, fill, key, remove } from "../backlog.ts"
import { startWorker } from "../contender.ts"
import { VALUE } from "../load.ts"
import { type DrainRound, rounded } from "../result.ts"
import { clearRows } from "../rows.ts"
import type { Context, Stage } from "../stage.ts"
import { demandNone } from "../trial.ts"

/** WORKER_CONCURRENCY's default. */
const IN_FLIGHT = 2
const LIMIT_MILLIS = 120_000

/** Rows of each size: about two seconds' worth; the whole backlog for the size that matters. */
const SWEEP = [
  { batch: 1_000, rows: 200_000, workers: [0, 1, 2] },
  { batch: 100, rows: 50_000, workers: [0, 1] },
  { batch: 10, rows: 15_000, workers: [0, 1] },
  { batch: 1, rows: 3_000, workers: [0, 1] },
] as const

const FILL_SECONDS = 6
const START_SECONDS = 6
const ROUND_SECONDS = 30

export const drainSeconds = ({ rounds }: { readonly rounds: number }): number =>
  START_SECONDS + FILL_SECONDS + rounds * ROUND_SECONDS

/** The bare loop. */
const upsertAll = async ({ database }: Stage, rows: number, batch: number): Promise<void> => {
  let next = 0
  const loop = async () => {
    while (next < rows) {
      const from = next
      next = Math.min(rows, from + batch)
      const items = Array.from(
        { length: next - from },
        (_, index): Item => ({ version: 1, write: { key: key(from + index), value: VALUE } }),
      )
      await database.run((sql) => upsert(sql, items))
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, loop))
}

/** The whole backlog appears at once, as a copy of one that was filled before. */
const drainCopy = async ({ queue: redis }: Stage, from: string, queue: string): Promise<void> => {
  await redis.copy(queueKeys(from).waiting, queueKeys(queue).waiting, "REPLACE")
  await drained(redis, queue, LIMIT_MILLIS)
}

interface Lane {
  readonly batch: number
  readonly workers: number
  readonly rows: number
  readonly backlog: string
  /** Served by the lane's own workers. */
  readonly queue: string
}

const measureLane = async (stage: Stage, lane: Lane, round: number): Promise<DrainRound> => {
  const { batch, workers, rows } = lane
  await clearRows(stage.database)
  const begin = performance.now()
  if (workers === 0) await upsertAll(stage, rows, batch)
  else await drainCopy(stage, lane.backlog, lane.queue)
  const seconds = rounded((performance.now() - begin) / 1_000)
  const [row] = await stage.database.run(
    (sql) => sql<[{ count: string }]>`select count(*) from key_values`,
  )
  const missing = demandNone(rows - Number(row.count), `${workers} workers, batches of ${batch}`)
  return { round, batch, workers, rows, seconds, missing }
}

const startLanes = async (stage: Stage): Promise<Lane[]> => {
  const lanes: Lane[] = []
  for (const { batch, rows, workers } of SWEEP) {
    const backlog = stage.newQueue()
    await fill(stage.queue, backlog, rows)
    for (const count of workers) {
      const queue = stage.newQueue()
      const env = { BATCH_MAX: String(batch), BATCH_SIZE: String(Math.min(batch, 10)) }
      const options = {
        databaseUrl: stage.databaseUrl.near,
        redisUrl: stage.redis.url,
        queue,
        runtime: stage.options.runtime,
        env,
      }
      for (let worker = 0; worker < count; worker++) await startWorker(stage.cleanup, options)
      lanes.push({ batch, workers: count, rows, backlog, queue })
    }
  }
  return lanes
}

export const measureDrain = async ({ stage, results, progress }: Context): Promise<void> => {
  const { rounds } = stage.options
  progress.step("fill the backlog", START_SECONDS + FILL_SECONDS)
  const lanes = await startLanes(stage)
  // Uncounted, to warm up.
  for (const lane of lanes) {
    const { backlog } = lanes.at(-1) ?? lane
    if (lane.workers === 0) await upsertAll(stage, 1_000, lane.batch)
    else await drainCopy(stage, backlog, lane.queue)
  }
  for (let round = 1; round <= rounds; round++) {
    for (const lane of round % 2 ? lanes : lanes.toReversed()) {
      const who = lane.workers === 0 ? "a bare loop" : `${lane.workers} worker(s)`
      const title = `round ${round}/${rounds}: drain by ${who}, batches of ${lane.batch}`
      progress.step(title, ROUND_SECONDS / lanes.length)
      results.drain.push(await measureLane(stage, lane, round))
    }
  }
  for (const { backlog, queue } of lanes) {
    await remove(stage.queue, backlog)
    await remove(stage.queue, queue)
  }
}
