/**
 * Reads: rows by their keys, one by one, from the reader, which asks for many in one query, and from a plain
 * handler, which asks for each. Every answer is looked at.
 */
import { writeOne } from "../../shared/table/baseline.ts"
import type { Contender, ContenderName } from "../contender.ts"
import type { Distance } from "../distance.ts"
import type { Options } from "../options.ts"
import { READ_ROWS, USUAL_CONNECTIONS } from "../request.ts"
import { clearRows } from "../rows.ts"
import type { Context, Stage } from "../stage.ts"
import { runTrial } from "../trial.ts"
import { type Lane, measureRounds } from "./rounds.ts"
import { CLIENTS_MAX } from "./throughput.ts"

const READERS: ReadonlyArray<readonly [ContenderName, Distance]> = [
  ["sync", "near"],
  ["reader", "near"],
  ["sync", "far"],
  ["reader", "far"],
]

const FILL_SECONDS = 3
const START_SECONDS = 1
const WARM_SECONDS = 2
const OVERHEAD_SECONDS = 0.3

/** The distance adds little but time, so it is measured with the usual number alone. */
const countsOf = ({ connections }: Options, distance: Distance) => {
  const counts = connections.filter((count) => count > 1 && count <= CLIENTS_MAX)
  const usual = counts.includes(USUAL_CONNECTIONS) ? [USUAL_CONNECTIONS] : counts.slice(0, 1)
  return distance === "near" ? counts : usual
}

export const readsSeconds = (options: Options): number => {
  const { rounds, duration } = options
  const warm = READERS.length * (START_SECONDS + WARM_SECONDS + OVERHEAD_SECONDS)
  const loads = READERS.flatMap(([, distance]) => countsOf(options, distance)).length
  return FILL_SECONDS + warm + rounds * loads * (duration + OVERHEAD_SECONDS)
}

/** Resolves to the label of the rows that are there then. */
const fill = async ({ database, marked, newLabel }: Stage): Promise<string> => {
  await clearRows(database, marked)
  const label = newLabel()
  const rows = Array.from({ length: READ_ROWS }, (_, number) => {
    const { table, row } = marked.write(marked.mark(label, 0, number))
    return database.run((sql) => writeOne(sql, table, row))
  })
  await Promise.all(rows)
  return label
}

export const measureReads = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  const { rounds, duration } = stage.options
  const [first] = countsOf(stage.options, "near")
  if (first === undefined) return
  progress.step(`store ${READ_ROWS} rows`, FILL_SECONDS)
  const read = { work: "read", label: await fill(stage) } as const
  const readers: Array<{ readonly contender: Contender; readonly distance: Distance }> = []
  for (const [name, distance] of READERS) {
    progress.step(`warm up reads of ${name} ${distance}`, START_SECONDS + WARM_SECONDS)
    const reader = { contender: await stage.share(name, distance), distance }
    readers.push(reader)
    const warm = { ...reader, ...read, connections: first, seconds: WARM_SECONDS }
    await runTrial(stage, { ...warm, round: 0 })
  }
  const lanes = countsOf(stage.options, "near").flatMap((connections) =>
    readers
      .filter(({ distance }) => countsOf(stage.options, distance).includes(connections))
      .map(({ contender, distance }): Lane => {
        const trial = { contender, distance, connections, ...read, seconds: duration }
        return {
          title: `reads of ${contender.name} ${distance}, ${connections} connections`,
          seconds: duration + OVERHEAD_SECONDS,
          measure: async (round) =>
            void results.loads.push(await runTrial(stage, { ...trial, round })),
        }
      }),
  )
  await measureRounds(context, rounds, lanes)
}
