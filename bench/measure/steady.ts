/**
 * Latency at a steady, moderate load: so many writes a second are due, whatever became of those before. What a
 * client waits that comes by itself, and does not keep the machine busy.
 */
import { drained } from "../backlog.ts"
import type { Contender } from "../contender.ts"
import type { Distance } from "../distance.ts"
import { demandAnswered } from "../load.ts"
import { runOpen } from "../open-loop.ts"
import type { Options } from "../options.ts"
import type { SteadyRound } from "../result.ts"
import { clearRows, demandAccepted } from "../rows.ts"
import type { Context, Stage } from "../stage.ts"
import { type Lane, measureRounds } from "./rounds.ts"

/** Writes a second: about a third of what sync can do, and a sixth of async. */
export const STEADY_RATE = 2_000

const ENTRANTS: ReadonlyArray<readonly ["sync" | "async", Distance]> = [
  ["sync", "near"],
  ["async", "near"],
  ["sync", "far"],
  ["async", "far"],
]

/** The main measurement has started and warmed them. */
const START_SECONDS = 0.2
const WARM_SECONDS = 0.7
const OVERHEAD_SECONDS = 0.4
const DRAIN_LIMIT_MILLIS = 60_000

/** A thousandth of the writes of a round are still a few. */
const LOAD_SECONDS = 4
const loadSeconds = ({ duration }: Options) => Math.min(LOAD_SECONDS, 1.6 * duration)
const steadyRounds = ({ quick, rounds }: Options) => (quick ? 1 : rounds)

export const steadySeconds = (options: Options): number =>
  ENTRANTS.length *
  (START_SECONDS +
    WARM_SECONDS +
    OVERHEAD_SECONDS +
    steadyRounds(options) * (loadSeconds(options) + OVERHEAD_SECONDS))

interface Entrant {
  readonly name: SteadyRound["contender"]
  readonly distance: Distance
  readonly contender: Contender
}

const measure = async (
  stage: Stage,
  { name, distance, contender }: Entrant,
  seconds: number,
  round: number,
): Promise<SteadyRound> => {
  const { database, marked } = stage
  await clearRows(database, marked)
  const load = { contender, marked, rate: STEADY_RATE, requests: Math.round(STEADY_RATE * seconds) }
  const { ledger, histogram, late } = await runOpen({ ...load, label: stage.newLabel() })
  const who = `${name} ${distance}, ${STEADY_RATE} writes a second`
  demandAnswered(ledger, who)
  if (contender.queue !== null) await drained(stage.queue, contender.queue, DRAIN_LIMIT_MILLIS)
  return {
    ...{ round, contender: name, distance, rate: STEADY_RATE, accepted: ledger.accepted },
    missing: await demandAccepted(database, marked, ledger, who),
    p50: histogram.quantile(0.5),
    p99: histogram.quantile(0.99),
    p999: histogram.quantile(0.999),
    late: late.quantile(0.99),
  }
}

export const measureSteady = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  const { options } = stage
  const seconds = loadSeconds(options)
  const entrants: Entrant[] = []
  for (const [name, distance] of ENTRANTS) {
    progress.step(`warm up ${name} ${distance}, steady`, START_SECONDS + WARM_SECONDS)
    const entrant = { name, distance, contender: await stage.share(name, distance) }
    entrants.push(entrant)
    await measure(stage, entrant, WARM_SECONDS, 0)
  }
  const lanes = entrants.map((entrant): Lane => {
    const { name, distance } = entrant
    return {
      title: `${name} ${distance}, ${STEADY_RATE} writes a second`,
      seconds: seconds + OVERHEAD_SECONDS,
      measure: async (round) =>
        void results.steady?.push(await measure(stage, entrant, seconds, round)),
    }
  })
  await measureRounds(context, steadyRounds(options), lanes)
}
