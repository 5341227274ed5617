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
import { SCALE_RATE, USUAL_CONNECTIONS } from "../request.ts"
import { rounded, type ScaleRound } from "../result.ts"
import { clearRows, demandAccepted } from "../rows.ts"
import type { Context, Stage } from "../stage.ts"
import { difference, readCosts } from "../trial.ts"
import { type Lane, measureRounds } from "./rounds.ts"

const SHARDS = [1, 12, 64] as const

const VALUES_BYTES = [20, 100, 1_000]
/** Enough to drown the buffers of Redis. */
const QUEUED = 50_000

const START_SECONDS = 2.5
const WARM_SECONDS = 2
const warmSeconds = ({ duration }: Options) => Math.min(WARM_SECONDS, MARGIN_SECONDS + duration)
const OVERHEAD_SECONDS = 0.7
const IDLE_SECONDS = 10
const idleSeconds = ({ duration }: Options) => Math.min(IDLE_SECONDS, 4 * duration)
/** Until the pauses and windows of the last load have ended. */
const SETTLE_SECONDS = 1.5
const FILL_SECONDS = 2
const DRAIN_LIMIT_MILLIS = 60_000

/** Of a load, before and after what is measured: a pause of a worker that serves many shards is a second. */
const RAMP_SECONDS = 1.2
const END_SECONDS = 0.1
const MARGIN_SECONDS = RAMP_SECONDS + END_SECONDS

/** Processor times are in hundredths of a second, of which there are some dozens in so long. */
const STEADY_SECONDS = 4
const RATES = [SCALE_RATE, null]
const loadSeconds = ({ duration }: Options, rate: number | null) =>
  MARGIN_SECONDS + (rate === null ? duration : Math.min(STEADY_SECONDS, 1.6 * duration))

export const scaleSeconds = (options: Options): number =>
  SHARDS.length * (START_SECONDS + RATES.length * (warmSeconds(options) + OVERHEAD_SECONDS)) +
  options.rounds *
    SHARDS.length *
    RATES.reduce<number>((sum, rate) => sum + loadSeconds(options, rate) + OVERHEAD_SECONDS, 0) +
  SETTLE_SECONDS +
  idleSeconds(options) +
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

/** So far: what became of writes, how many batches there were, and what all of it cost. */
const readSoFar = async (stage: Stage, { names, contender }: Entrant) => {
  const all = await Promise.all(names.map((name) => openQueue(stage.queue, name).snapshot({})))
  const counts = all.flatMap(({ counters }) => [...counters])
  const sum = (isOne: (name: string) => boolean) =>
    counts.reduce((so, [name, count]) => so + (isOne(name) ? Number(count) : 0), 0)
  return {
    at: performance.now(),
    queued: sum((name) => name === "queued"),
    processed: sum((name) => name === "processed"),
    batches: sum((name) => name.startsWith("window:")),
    ...(await readCosts(stage, contender)),
  }
}

/**
 * What it costs while it lasts: without the batches in which shards that were empty begin, and in which they are
 * emptied.
 */
const meter = async (stage: Stage, entrant: Entrant, seconds: number) => {
  await sleep(RAMP_SECONDS * 1_000)
  const before = await readSoFar(stage, entrant)
  await sleep((seconds - RAMP_SECONDS - END_SECONDS) * 1_000)
  const after = await readSoFar(stage, entrant)
  const cost = (name: "server" | "worker" | "redis" | "postgres") =>
    difference(after.cpu[name], before.cpu[name])
  const queued = after.queued - before.queued
  return {
    ...{ queued, processed: after.processed - before.processed },
    perSecond: rounded((queued / (after.at - before.at)) * 1_000, 1),
    batches: after.batches - before.batches,
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
  const { shards, names } = entrant
  await clearRows(stage.database, stage.marked)
  const [ledger, metered] = await Promise.all([
    send(stage, entrant, rate, seconds),
    meter(stage, entrant, seconds),
  ])
  demandAnswered(ledger, titleOf(shards, rate))
  // One after the other: to ask all of them again and again would cost Redis more than the load.
  for (const name of names) await drained(stage.queue, name, DRAIN_LIMIT_MILLIS)
  return {
    ...{ round, shards, rate, accepted: ledger.accepted },
    missing: await demandAccepted(stage.database, stage.marked, ledger, titleOf(shards, rate)),
    ...metered,
  }
}

/** All workers at once: each waits for writes of its own. */
const measureIdle = async ({ stage, results }: Context, entrants: ReadonlyArray<Entrant>) => {
  const seconds = idleSeconds(stage.options)
  await sleep(SETTLE_SECONDS * 1_000)
  const pids = Object.fromEntries(
    entrants.map(({ shards, contender }) => [String(shards), contender.worker]),
  )
  const before = await readCpuSeconds(pids)
  await sleep(seconds * 1_000)
  const after = await readCpuSeconds(pids)
  for (const { shards } of entrants) {
    const spent = difference(after[shards] ?? null, before[shards] ?? null)
    results.scale?.idle.push({ shards, seconds, workerCpuSeconds: spent })
  }
}

const measureQueued = async ({ stage, results, progress }: Context): Promise<void> => {
  // One that was given may hold what others write meanwhile.
  if (!stage.redis.isNative) return
  const queues: string[] = []
  for (const valueBytes of VALUES_BYTES) {
    progress.step(`${QUEUED} queued values of ${valueBytes} bytes`, FILL_SECONDS)
    const queue = stage.newQueue()
    queues.push(queue)
    await untilRewritten(stage.queue)
    const before = await usedBytes(stage.queue)
    await fill(stage.queue, queue, [stage.marked], QUEUED, valueBytes)
    const added = (await usedBytes(stage.queue)) - before
    results.scale?.queued.push({ valueBytes, bytes: Math.round(added / QUEUED) })
  }
  // At the end: Redis frees the memory of what is gone while it does something else.
  for (const queue of queues) await remove(stage.queue, queue)
}

export const measureScale = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  const { options } = stage
  const entrants: Entrant[] = []
  for (const shards of SHARDS) {
    const warm = RATES.length * (warmSeconds(options) + OVERHEAD_SECONDS)
    progress.step(`start and warm up, shards: ${shards}`, START_SECONDS + warm)
    const entrant = await start(stage, shards)
    entrants.push(entrant)
    for (const rate of RATES) await measure(stage, entrant, rate, warmSeconds(options), 0)
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
  progress.step("workers with nothing to do", SETTLE_SECONDS + idleSeconds(options))
  await measureIdle(context, entrants)
  await measureQueued(context)
  for (const { contender, names } of entrants) {
    await contender.stop()
    for (const name of names) await remove(stage.queue, name)
  }
}
