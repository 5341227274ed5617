/**
 * Drain: how fast a backlog reaches the table, as a share of what bare upserts of the same rows in batches
 * of the same size reach: one loop, which waits for each batch, and two at once, as many batches in flight
 * as one worker has.
 */

import type { Item } from "../../shared/item.ts"
import { queueKeys } from "../../shared/queue/keys.ts"
import { upsert } from "../../shared/table.ts"
import { drained, fill, key, remove } from "../backlog.ts"
import type { Stoppable } from "../cleanup.ts"
import { startWorker } from "../contender.ts"
import { VALUE } from "../load.ts"
import { type DrainRound, rounded } from "../result.ts"
import { clearRows } from "../rows.ts"
import type { Context, Stage } from "../stage.ts"
import { demandNone } from "../trial.ts"

const LIMIT_MILLIS = 120_000

const LOOP = { kind: "loop", count: 1 } as const
const WORKER = { kind: "worker", count: 1 } as const

/** Rows of each size: about two seconds' worth; the whole backlog for the size that matters. */
const SWEEP = [
  {
    batch: 1_000,
    rows: 200_000,
    drains: [LOOP, { ...LOOP, count: 2 }, WORKER, { ...WORKER, count: 2 }],
  },
  { batch: 100, rows: 50_000, drains: [LOOP, WORKER] },
  { batch: 10, rows: 15_000, drains: [LOOP, WORKER] },
  { batch: 1, rows: 3_000, drains: [LOOP, WORKER] },
] as const

const FILL_SECONDS = 6
const START_SECONDS = 6
const ROUND_SECONDS = 30

/** One round more, to warm up. */
export const drainSeconds = ({ rounds }: { readonly rounds: number }): number =>
  START_SECONDS + FILL_SECONDS + (1 + rounds) * ROUND_SECONDS

/** The bare loops, each of which takes the next batch when its last one is stored. */
const upsertAll = async (
  { database }: Stage,
  { rows, batch, count }: Pick<Lane, "rows" | "batch" | "count">,
): Promise<void> => {
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
  await Promise.all(Array.from({ length: count }, loop))
}

/** The whole backlog appears at once, as a copy of one that was filled before. */
const drainCopy = async ({ queue: redis }: Stage, from: string, queue: string): Promise<void> => {
  await redis.copy(queueKeys(from).waiting, queueKeys(queue).waiting, "REPLACE")
  await drained(redis, queue, LIMIT_MILLIS)
}

interface Lane {
  readonly kind: DrainRound["kind"]
  readonly count: number
  readonly batch: number
  readonly rows: number
  readonly backlog: string
  readonly queue: string
  readonly workers: ReadonlyArray<Stoppable>
}

const title = ({ kind, count, batch }: Lane): string =>
  `${count} ${kind}${count > 1 ? "s" : ""}, batches of ${batch}`

const measureLane = async (stage: Stage, lane: Lane, round: number): Promise<DrainRound> => {
  const { kind, count, batch, rows } = lane
  await clearRows(stage.database)
  const begin = performance.now()
  if (kind === "loop") await upsertAll(stage, lane)
  else await drainCopy(stage, lane.backlog, lane.queue)
  const seconds = rounded((performance.now() - begin) / 1_000)
  const [row] = await stage.database.run(
    (sql) => sql<[{ count: string }]>`select count(*) from key_values`,
  )
  const missing = demandNone(rows - Number(row.count), title(lane))
  return { round, kind, count, batch, rows, seconds, missing }
}

const startLanes = async (stage: Stage): Promise<Lane[]> => {
  const lanes: Lane[] = []
  for (const { batch, rows, drains } of SWEEP) {
    const backlog = stage.newQueue()
    await fill(stage.queue, backlog, rows)
    for (const { kind, count } of drains) {
      const queue = stage.newQueue()
      const env = { BATCH_MAX: String(batch), BATCH_SIZE: String(Math.min(batch, 10)) }
      const options = {
        databaseUrl: stage.databaseUrl.near,
        redisUrl: stage.redis.url,
        queue,
        runtime: stage.options.runtime,
        env,
      }
      const workers: Stoppable[] = []
      while (kind === "worker" && workers.length < count) {
        workers.push(await startWorker(stage.cleanup, options))
      }
      lanes.push({ kind, count, batch, rows, backlog, queue, workers })
    }
  }
  return lanes
}

export const measureDrain = async ({ stage, results, progress }: Context): Promise<void> => {
  const { rounds } = stage.options
  progress.step("fill the backlog", START_SECONDS + FILL_SECONDS)
  const lanes = await startLanes(stage)
  // Uncounted: until the compiler is done a batch costs a worker up to twice as much CPU time.
  for (const lane of lanes) {
    progress.step(`warm up: drain by ${title(lane)}`, ROUND_SECONDS / lanes.length)
    await measureLane(stage, lane, 0)
  }
  for (let round = 1; round <= rounds; round++) {
    for (const lane of round % 2 ? lanes : lanes.toReversed()) {
      const words = `round ${round}/${rounds}: drain by ${title(lane)}`
      progress.step(words, ROUND_SECONDS / lanes.length)
      results.drain.push(await measureLane(stage, lane, round))
    }
  }
  for (const { backlog, queue, workers } of lanes) {
    for (const worker of workers) await stage.cleanup.stop(worker)
    await remove(stage.queue, backlog)
    await remove(stage.queue, queue)
  }
}
