/** The main measurement: throughput, latency and database load of all contenders, near and far. */
import type { Contender, ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import type { Options } from "../options.ts"
import type { Context } from "../stage.ts"
import { runTrial } from "../trial.ts"
import { type Lane, measureRounds } from "./rounds.ts"

/** The database plays no part in `accept` and `ceiling`, so its distance does not either. */
const CONTENDERS: ReadonlyArray<readonly [ContenderName, Distance]> = [
  ["sync", "near"],
  ["async", "near"],
  ["accept", "near"],
  ["ceiling", "near"],
  ["sync", "far"],
  ["async", "far"],
]

/** Until the compiler is done a request costs up to twice as much CPU time. */
const warmSeconds = ({ quick, duration }: Options) => Math.min(quick ? 2 : 4, 4 * duration)
const START_SECONDS = 1

/** Around each load: emptying the table, draining the queue, counting the rows. */
const OVERHEAD_SECONDS = 0.7

/** What one client sees is in the table; what it shows of the limits is not, and a quick run spares it. */
const isAsked = ({ quick }: Options, name: ContenderName, connections: number) =>
  !quick || connections > 1 || name === "sync" || name === "async"

export const throughputSeconds = (options: Options): number => {
  const { connections, duration, rounds } = options
  const loads = connections.flatMap((count) =>
    CONTENDERS.filter(([name]) => isAsked(options, name, count)),
  )
  return (
    CONTENDERS.length * (START_SECONDS + warmSeconds(options) + OVERHEAD_SECONDS) +
    rounds * loads.length * (duration + OVERHEAD_SECONDS)
  )
}

export const measureThroughput = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  const { connections, duration, rounds } = stage.options
  const [first = 1] = connections
  const warm = warmSeconds(stage.options)
  const contenders: Array<{ contender: Contender; distance: Distance }> = []
  for (const [name, distance] of CONTENDERS) {
    progress.step(`warm up ${name} ${distance}`, START_SECONDS + warm + OVERHEAD_SECONDS)
    const contender = await stage.start(name, distance)
    contenders.push({ contender, distance })
    await runTrial(stage, { contender, distance, round: 0, connections: first, seconds: warm })
  }
  const lanes = connections.flatMap((count) =>
    contenders
      .filter(({ contender }) => isAsked(stage.options, contender.name, count))
      .map(
        ({ contender, distance }): Lane => ({
          title: `${contender.name} ${distance}, ${count} connections`,
          seconds: duration + OVERHEAD_SECONDS,
          measure: async (round) => {
            const trial = { contender, distance, round, connections: count, seconds: duration }
            results.loads.push(await runTrial(stage, trial))
          },
        }),
      ),
  )
  await measureRounds(context, rounds, lanes)
  for (const { contender } of contenders) await contender.stop()
}
