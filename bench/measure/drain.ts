/**
 * Drain: how fast a backlog reaches the table, as a share of what bare upserts of the same rows in batches
 * of the same size reach: one loop, which waits for each batch, and two at once, as many batches in flight
 * as one worker has.
 */
import { makeItem } from "../../shared/item.ts"
import { queueKeys } from "../../shared/queue/keys.ts"
import { write } from "../../shared/table/statement.ts"
import { drained, fill, key, remove } from "../backlog.ts"
import type { Stoppable } from "../cleanup.ts"
import { type DrainRound, rounded } from "../result.ts"
import { clearRows, demandAll, sampleWrite, TABLE } from "../rows.ts"
import type { Context, Stage } from "../stage.ts"
import { measureRounds } from "./rounds.ts"

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

interface Drain extends Pick<DrainRound, "kind" | "count" | "batch"> {
  readonly keys: ReadonlyArray<string>
  readonly backlog: string
  readonly queue: string
  readonly workers: ReadonlyArray<Stoppable>
}

/** The bare loops, each of which takes the next batch when its last one is stored. */
const upsertAll = async ({ database }: Stage, { keys, batch, count }: Drain): Promise<void> => {
  let next = 0
  const loop = async () => {
    while (next < keys.length) {
      const from = next
      next += batch
      const records = keys.slice(from, next).map((key) => makeItem(1, sampleWrite(key)).record)
      await database.run((sql) => write(sql, TABLE, records))
    }
  }
  await Promise.all(Array.from({ length: count }, loop))
}

/** The whole backlog appears at once, as a copy of one that was filled before. */
const drainCopy = async ({ queue: redis }: Stage, from: string, queue: string): Promise<void> => {
  await redis.copy(queueKeys(from).waiting, queueKeys(queue).waiting, "REPLACE")
  await drained(redis, queue, LIMIT_MILLIS)
}

const title = ({ kind, count, batch }: Drain): string =>
  `drain by ${count} ${kind}${count > 1 ? "s" : ""}, batches of ${batch}`

const measure = async (stage: Stage, drain: Drain, round: number): Promise<DrainRound> => {
  const { kind, count, batch, keys } = drain
  await clearRows(stage.database)
  const begin = performance.now()
  if (kind === "loop") await upsertAll(stage, drain)
  else await drainCopy(stage, drain.backlog, drain.queue)
  const seconds = rounded((performance.now() - begin) / 1_000)
  const missing = await demandAll(stage.database, keys, title(drain))
  return { round, kind, count, batch, rows: keys.length, seconds, missing }
}

const start = async (stage: Stage): Promise<Drain[]> => {
  const started: Drain[] = []
  for (const { batch, rows, drains } of SWEEP) {
    const backlog = stage.newQueue()
    await fill(stage.queue, backlog, rows)
    const keys = Array.from({ length: rows }, (_, number) => key(number))
    for (const { kind, count } of drains) {
      const queue = stage.newQueue()
      const env = { BATCH_MAX: String(batch), BATCH_SIZE: String(Math.min(batch, 10)) }
      const workers: Stoppable[] = []
      while (kind === "worker" && workers.length < count) {
        workers.push(await stage.startWorker({ queue, env }))
      }
      started.push({ kind, count, batch, keys, backlog, queue, workers })
    }
  }
  return started
}

export const measureDrain = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  progress.step("fill the backlog", START_SECONDS + FILL_SECONDS)
  const drains = await start(stage)
  const seconds = ROUND_SECONDS / drains.length
  // Uncounted: until the compiler is done a batch costs a worker up to twice as much CPU time.
  for (const drain of drains) {
    progress.step(`warm up: ${title(drain)}`, seconds)
    await measure(stage, drain, 0)
  }
  const lanes = drains.map((drain) => ({
    title: title(drain),
    seconds,
    measure: async (round: number) => void results.drain.push(await measure(stage, drain, round)),
  }))
  await measureRounds(context, stage.options.rounds, lanes)
  for (const { backlog, queue, workers } of drains) {
    for (const worker of workers) await stage.cleanup.stop(worker)
    await remove(stage.queue, backlog)
    await remove(stage.queue, queue)
  }
}
