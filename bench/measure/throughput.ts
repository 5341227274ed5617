/**
 * The main measurement: throughput, latency and database load of all contenders, near and far, in rounds
 * whose order alternates, so that none always runs on a machine that another one has warmed up.
 */
import type { Contender, ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import type { Options } from "../options.ts"
import type { Context } from "../stage.ts"
import { runTrial } from "../trial.ts"

/** The database plays no part in `accept` and `ceiling`, so its distance does not either. */
const LANES: ReadonlyArray<readonly [ContenderName, Distance]> = [
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
    LANES.filter(([name]) => isAsked(options, name, count)),
  )
  return (
    LANES.length * (START_SECONDS + warmSeconds(options) + OVERHEAD_SECONDS) +
    rounds * loads.length * (duration + OVERHEAD_SECONDS)
  )
}

interface Lane {
  readonly contender: Contender
  readonly distance: Distance
}

export const measureThroughput = async ({ stage, results, progress }: Context): Promise<void> => {
  const { connections, duration, rounds } = stage.options
  const lanes: Lane[] = []
  const [first = 1] = connections
  const warm = warmSeconds(stage.options)
  for (const [name, distance] of LANES) {
    progress.step(`warm up ${name} ${distance}`, START_SECONDS + warm + OVERHEAD_SECONDS)
    const contender = await stage.start(name, distance)
    lanes.push({ contender, distance })
    await runTrial(stage, { contender, distance, round: 0, connections: first, seconds: warm })
  }
  for (let round = 1; round <= rounds; round++) {
    for (const count of connections) {
      for (const { contender, distance } of round % 2 ? lanes : lanes.toReversed()) {
        if (!isAsked(stage.options, contender.name, count)) continue
        progress.step(
          `round ${round}/${rounds}: ${contender.name} ${distance}, ${count} connections`,
          duration + OVERHEAD_SECONDS,
        )
        const trial = { contender, distance, round, connections: count, seconds: duration }
        results.loads.push(await runTrial(stage, trial))
      }
    }
  }
  for (const { contender } of lanes) await contender.stop()
}
