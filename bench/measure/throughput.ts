/** The main measurement: throughput, latency and cost of all contenders and all kinds of writes, near and far. */
import type { Contender, ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import type { Options } from "../options.ts"
import { BULK_CONNECTIONS, isPossible, USUAL_CONNECTIONS } from "../request.ts"
import type { Work } from "../result.ts"
import type { Context } from "../stage.ts"
import { runTrial } from "../trial.ts"
import { type Lane, measureRounds } from "./rounds.ts"

interface Entrant {
  readonly name: ContenderName
  readonly distance: Distance
  readonly works: ReadonlyArray<Work>
}

/** The database plays no part in `ceiling`, so its distance does not either. */
const ENTRANTS: ReadonlyArray<Entrant> = [
  { name: "sync", distance: "near", works: ["upsert", "append", "mixed"] },
  { name: "async", distance: "near", works: ["upsert", "wait", "bulk", "append", "mixed"] },
  { name: "ceiling", distance: "near", works: ["upsert"] },
  { name: "sync", distance: "far", works: ["upsert"] },
  { name: "async", distance: "far", works: ["upsert", "wait", "bulk"] },
]

/** More than so many clients are of interest only where each waits for a commit. */
export const CLIENTS_MAX = 256

/** Until the compiler is done a request costs up to twice as much CPU time. */
const warmSeconds = ({ quick, duration }: Options, work: Work) =>
  Math.min(quick ? 1.2 : work === "upsert" ? 4 : 2, 4 * duration)
const START_SECONDS = 1

/** Around each load: emptying the table, draining the queue, counting the rows. */
const OVERHEAD_SECONDS = 0.7

const countsOf = ({ connections }: Options, { name, distance }: Entrant, work: Work) => {
  if (work === "bulk") return [BULK_CONNECTIONS]
  if (work === "append" || work === "mixed") {
    return connections.includes(USUAL_CONNECTIONS) ? [USUAL_CONNECTIONS] : connections.slice(0, 1)
  }
  const waits = distance === "near" && (name === "sync" || work === "wait")
  const most = waits ? Number.POSITIVE_INFINITY : CLIENTS_MAX
  return connections.filter((count) => count <= most && (count > 1 || work === "upsert"))
}

interface Loads extends Entrant {
  readonly loads: ReadonlyArray<{ readonly work: Work; readonly connections: number }>
}

/** A quick run has what the table shows. */
const plan = (options: Options, isDeclared: (work: Work) => boolean): ReadonlyArray<Loads> =>
  ENTRANTS.filter(({ name }) => !options.quick || name !== "ceiling").map((entrant) => {
    const works = entrant.works.filter(
      (work) => isDeclared(work) && (!options.quick || work === "upsert"),
    )
    const loads = works.flatMap((work) =>
      countsOf(options, entrant, work).map((connections) => ({ work, connections })),
    )
    return { ...entrant, works, loads }
  })

export const throughputSeconds = (options: Options): number => {
  const { duration, rounds } = options
  const entrants = plan(options, () => true)
  return entrants.reduce((sum, { works, loads }) => {
    const warm = works.map((work) => warmSeconds(options, work) + OVERHEAD_SECONDS)
    const start = warm.reduce((all, seconds) => all + seconds, START_SECONDS)
    return sum + start + rounds * loads.length * (duration + OVERHEAD_SECONDS)
  }, 0)
}

const titleOf = (work: Work, name: string) => (work === "upsert" ? name : `${name}, ${work}`)

export const measureThroughput = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  const { options, marked } = stage
  const started: Array<Loads & { readonly contender: Contender }> = []
  for (const entrant of plan(options, (work) => isPossible(work, marked))) {
    const { name, distance, works, loads } = entrant
    progress.step(`start ${name} ${distance}`, START_SECONDS)
    const contender = await stage.share(name, distance)
    started.push({ ...entrant, contender })
    for (const work of works) {
      const connections = loads.find((load) => load.work === work)?.connections
      if (connections === undefined) continue
      const seconds = warmSeconds(options, work)
      progress.step(`warm up ${titleOf(work, name)} ${distance}`, seconds + OVERHEAD_SECONDS)
      await runTrial(stage, { contender, distance, work, round: 0, connections, seconds })
    }
  }
  const lanes = started.flatMap(({ contender, name, distance, loads }) =>
    loads.map(({ work, connections }) => {
      const lane: Lane = {
        title: `${titleOf(work, name)} ${distance}, ${connections} connections`,
        seconds: options.duration + OVERHEAD_SECONDS,
        measure: async (round) => {
          const trial = { contender, distance, work, round, connections }
          results.loads.push(await runTrial(stage, { ...trial, seconds: options.duration }))
        },
      }
      return { lane, connections }
    }),
  )
  // What is compared is measured soon after one another.
  const order = [...new Set([...options.connections, BULK_CONNECTIONS])]
  const sorted = lanes.sort((a, b) => order.indexOf(a.connections) - order.indexOf(b.connections))
  await measureRounds(
    context,
    options.rounds,
    sorted.map(({ lane }) => lane),
  )
}
