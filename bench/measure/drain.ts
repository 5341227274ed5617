/**
 * Drain: how fast a backlog reaches the table, as a share of what bare statements with the same rows in
 * batches of the same size reach: one loop, which waits for each batch, and two at once, as many batches in
 * flight as one worker has. Once also with batches of two tables, half of the rows in each.
 */
import { type Item, makeItem } from "../../shared/item.ts"
import { queueKeys } from "../../shared/queue/keys.ts"
import { write } from "../../shared/table/statement.ts"
import { drained, fill, remove, writeOf } from "../backlog.ts"
import type { Stoppable } from "../cleanup.ts"
import { MARKED, type Marked } from "../mark.ts"
import { type DrainRound, rounded } from "../result.ts"
import { clearRows, demandAll } from "../rows.ts"
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
  { batch: 1_000, rows: 100_000, drains: [LOOP, WORKER], isMixed: true },
] as const

/** Versions of bare statements have as many digits as those of a queue. */
const VERSION = 1_795_000_000_000_000

const FILL_SECONDS = 6
const START_SECONDS = 6
const ROUND_SECONDS = 30

/** One round more, to warm up. */
export const drainSeconds = ({ rounds }: { readonly rounds: number }): number =>
  START_SECONDS + FILL_SECONDS + (1 + rounds) * ROUND_SECONDS

interface Drain extends Pick<DrainRound, "kind" | "count" | "batch" | "rows"> {
  readonly tables: ReadonlyArray<Marked>
  readonly backlog: string
  readonly queue: string
  readonly workers: ReadonlyArray<Stoppable>
}

/** The bare loops, each of which takes the next batch when its last one is stored. */
const writeAll = async ({ database }: Stage, drain: Drain): Promise<void> => {
  const { tables, rows, batch, count } = drain
  let next = 0
  const loop = async () => {
    while (next < rows) {
      const items = new Map(tables.map((marked) => [marked, [] as Item[]]))
      const end = Math.min(rows, next + batch)
      for (; next < end; next++) {
        const { marked, mark } = writeOf(tables, next)
        items.get(marked)?.push(makeItem(VERSION + next, marked.write(mark)))
      }
      const statements = [...items].map(([{ table }, some]) =>
        database.run((sql) => write(sql, table, some)),
      )
      await Promise.all(statements)
    }
  }
  await Promise.all(Array.from({ length: count }, loop))
}

/** The whole backlog appears at once, as a copy of one that was filled before. */
const drainCopy = async ({ queue: redis }: Stage, from: string, queue: string): Promise<void> => {
  await redis.copy(queueKeys(from).waiting, queueKeys(queue).waiting, "REPLACE")
  await drained(redis, queue, LIMIT_MILLIS)
}

const title = ({ kind, count, batch, tables }: Drain): string => {
  const names = tables.length > 1 ? tables.map(({ table }) => table.name).join(" and ") : ""
  return `drain by ${count} ${kind}${count > 1 ? "s" : ""}, batches of ${batch}${names && ` of ${names}`}`
}

const measure = async (stage: Stage, drain: Drain, round: number): Promise<DrainRound> => {
  const { kind, count, batch, rows, tables } = drain
  for (const marked of tables) await clearRows(stage.database, marked)
  const begin = performance.now()
  if (kind === "loop") await writeAll(stage, drain)
  else await drainCopy(stage, drain.backlog, drain.queue)
  const seconds = rounded((performance.now() - begin) / 1_000)
  const writes = Array.from({ length: rows }, (_, number) => writeOf(tables, number))
  let missing = 0
  for (const marked of tables) {
    const marks = writes.filter((write) => write.marked === marked).map(({ mark }) => mark)
    missing += await demandAll(stage.database, marked, marks, title(drain))
  }
  const mix = tables.length > 1 ? { tables: tables.length } : {}
  return { round, kind, count, batch, ...mix, rows, seconds, missing }
}

const start = async (stage: Stage): Promise<Drain[]> => {
  const started: Drain[] = []
  const other = [...MARKED.values()].find((marked) => marked !== stage.marked)
  for (const { batch, rows, drains, ...sweep } of SWEEP) {
    const tables = "isMixed" in sweep ? [stage.marked, ...(other ? [other] : [])] : [stage.marked]
    if ("isMixed" in sweep && tables.length === 1) continue
    const backlog = stage.newQueue()
    await fill(stage.queue, backlog, tables, rows)
    for (const { kind, count } of drains) {
      const queue = stage.newQueue()
      const env = { BATCH_MAX: String(batch), BATCH_SIZE: String(Math.min(batch, 10)) }
      const workers: Stoppable[] = []
      while (kind === "worker" && workers.length < count) {
        workers.push(await stage.startWorker({ queue, env }))
      }
      started.push({ kind, count, batch, rows, tables, backlog, queue, workers })
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
