/**
 * Scale: what a write costs each process when the queue is in many shards, all on one Redis, at the same steady load
 * and with as many writes as clients can send; what a worker costs that has nothing to do; and how much memory
 * of Redis a write takes that waits.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { openQueue } from "../../shared/queue/queue.ts"
import { everyName } from "../../shared/queue/shards.ts"
import { drained, fill, remove, untilRewritten, usedBytes } from "../backlog.ts"
import type { Contender } from "../contender.ts"
import { demandAnswered, run } from "../load.ts"
import { readCpuSeconds } from "../meter.ts"
import { runOpen } from "../open-loop.ts"
import type { Options } from "../options.ts"
import { USUAL_CONNECTIONS } from "../request.ts"
import { rounded, type ScaleRound } from "../result.ts"
import { clearRows, demandAccepted } from "../rows.ts"
import type { Context, Stage } from "../stage.ts"
import { difference, readCosts } from "../trial.ts"
import { type Lane, measureRounds } from "./rounds.ts"

export const SHARDS = [1, 12, 64] as const

/** Writes a second: about a third of what one ingest accepts. */
export const SCALE_RATE = 4_000

const VALUES_BYTES = [20, 100, 1_000]
/** Enough to drown the buffers of Redis. */
const QUEUED = 50_000

const START_SECONDS = 2.5
const WARM_SECONDS = 1.5
const OVERHEAD_SECONDS = 1.2
const IDLE_SECONDS = 10
/** Until the pauses and windows of the last load have ended. */
const SETTLE_SECONDS = 1.5
const FILL_SECONDS = 2
const DRAIN_LIMIT_MILLIS = 60_000

/** Processor times are in hundredths of a second, of which there are some dozens in so long. */
const STEADY_SECONDS = 4
const RATES = [SCALE_RATE, null]
const loadSeconds = ({ duration }: Options, rate: number | null) =>
  rate === null ? duration : Math.min(STEADY_SECONDS, 1.6 * duration)

export const scaleSeconds = (options: Options): number =>
  SHARDS.length * (START_SECONDS + RATES.length * (WARM_SECONDS + OVERHEAD_SECONDS)) +
  options.rounds *
    SHARDS.length *
    RATES.reduce<number>((sum, rate) => sum + loadSeconds(options, rate) + OVERHEAD_SECONDS, 0) +
  SETTLE_SECONDS +
  IDLE_SECONDS +
  FILL_SECONDS * VALUES_BYTES.length

interface Entrant {
  readonly shards: number
  /** Of all lists that may hold writes. */
  readonly names: ReadonlyArray<string>
  readonly contender: Contender
}

const start = async (stage: Stage, shards: number): Promise<Entrant> => {
  const ever = shards === 1 ? 0 : shards
  const queue = stage.newQueue(ever)
  const env = { WRITE_QUEUE_SHARDS: String(shards) }
  const contender = await stage.start("async", "near", { queue, env })
  return { shards, names: everyName(queue, { shards, ever }), contender }
}

/** How many batches have been acknowledged. */
const countBatches = async ({ queue: redis }: Stage, { names }: Entrant): Promise<number> => {
  const all = await Promise.all(names.map((name) => openQueue(redis, name).snapshot({})))
  const counts = all.flatMap(({ counters }) =>
    [...counters].map(([name, count]) => (name.startsWith("window:") ? Number(count) : 0)),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

const send = async (stage: Stage, { contender }: Entrant, rate: number | null, seconds: number) => {
  const { marked } = stage
  const label = stage.newLabel()
  if (rate !== null) {
    const requests = Math.round(rate * seconds)
    return (await runOpen({ contender, marked, rate, requests, label })).ledger
  }
  const load = { contender, work: "upsert", tables: [marked], label, seconds } as const
  const { ledgers } = await run({ ...load, connections: USUAL_CONNECTIONS })
  return ledgers[0] as (typeof ledgers)[number]
}

const titleOf = (shards: number, rate: number | null) =>
  `${shards} ${shards === 1 ? "shard" : "shards"}, ${rate ?? "as many"} writes a second`

const measure = async (
  stage: Stage,
  entrant: Entrant,
  rate: number | null,
  seconds: number,
  round: number,
): Promise<ScaleRound> => {
  const { shards, names, contender } = entrant
  await clearRows(stage.database, stage.marked)
  const batches = await countBatches(stage, entrant)
  const before = await readCosts(stage, contender)
  const begin = performance.now()
  const ledger = await send(stage, entrant, rate, seconds)
  const lasted = (performance.now() - begin) / 1_000
  demandAnswered(ledger, titleOf(shards, rate))
  // One after the other: to ask all of them again and again would cost Redis more than the load.
  for (const name of names) await drained(stage.queue, name, DRAIN_LIMIT_MILLIS)
  const after = await readCosts(stage, contender)
  const cost = (name: "server" | "worker" | "redis" | "postgres") =>
    difference(after.cpu[name], before.cpu[name])
  return {
    ...{ round, shards, rate, accepted: ledger.accepted },
    missing: await demandAccepted(stage.database, stage.marked, ledger, titleOf(shards, rate)),
    perSecond: rounded(ledger.accepted / lasted, 1),
    batches: (await countBatches(stage, entrant)) - batches,
    commits: after.database.commits - before.database.commits,
    walBytes: after.database.walBytes - before.database.walBytes,
    cpuSeconds: {
      service: cost("server"),
      worker: cost("worker"),
      redis: cost("redis"),
      postgres: cost("postgres"),
    },
  }
}

/** All workers at once: each waits for writes of its own. */
const measureIdle = async ({ results }: Context, entrants: ReadonlyArray<Entrant>) => {
  await sleep(SETTLE_SECONDS * 1_000)
  const pids = Object.fromEntries(
    entrants.map(({ shards, contender }) => [String(shards), contender.worker]),
  )
  const before = await readCpuSeconds(pids)
  await sleep(IDLE_SECONDS * 1_000)
  const after = await readCpuSeconds(pids)
  for (const { shards } of entrants) {
    const spent = difference(after[shards] ?? null, before[shards] ?? null)
    results.scale?.idle.push({ shards, seconds: IDLE_SECONDS, workerCpuSeconds: spent })
  }
}

const measureQueued = async ({ stage, results, progress }: Context): Promise<void> => {
  // One that was given may hold what others write meanwhile.
  if (!stage.redis.isNative) return
  for (const valueBytes of VALUES_BYTES) {
    progress.step(`${QUEUED} queued values of ${valueBytes} bytes`, FILL_SECONDS)
    const queue = stage.newQueue()
    await untilRewritten(stage.queue)
    const before = await usedBytes(stage.queue)
    await fill(stage.queue, queue, [stage.marked], QUEUED, valueBytes)
    const added = (await usedBytes(stage.queue)) - before
    results.scale?.queued.push({ valueBytes, bytes: Math.round(added / QUEUED) })
    await remove(stage.queue, queue)
  }
}

export const measureScale = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  const { options } = stage
  const entrants: Entrant[] = []
  for (const shards of SHARDS) {
    const warm = RATES.length * (WARM_SECONDS + OVERHEAD_SECONDS)
    progress.step(`warm up ${shards} of shards`, START_SECONDS + warm)
    const entrant = await start(stage, shards)
    entrants.push(entrant)
    for (const rate of RATES) await measure(stage, entrant, rate, WARM_SECONDS, 0)
  }
  const lanes = RATES.flatMap((rate) =>
    entrants.map((entrant): Lane => {
      const seconds = loadSeconds(options, rate)
      return {
        title: titleOf(entrant.shards, rate),
        seconds: seconds + OVERHEAD_SECONDS,
        measure: async (round) =>
          void results.scale?.loads.push(await measure(stage, entrant, rate, seconds, round)),
      }
    }),
  )
  await measureRounds(context, options.rounds, lanes)
  progress.step("workers with nothing to do", SETTLE_SECONDS + IDLE_SECONDS)
  await measureIdle(context, entrants)
  for (const { contender, names } of entrants) {
    await contender.stop()
    for (const name of names) await remove(stage.queue, name)
  }
  await measureQueued(context)
}
