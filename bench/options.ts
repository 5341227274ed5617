/** The command line of `npm run bench`: what may be said, and one clear line for what may not. */
import { parseArgs } from "node:util"
import type { Runtime } from "../scripts/servers/service.ts"
import { DEFAULT_TABLE } from "../shared/item.ts"
import { findTable, MARKED } from "./mark.ts"

/** In the order in which they are listed. Complexity is counted always: it takes no time. */
export const MEASUREMENTS = [
  "main",
  "reads",
  "steady",
  "visibility",
  "outage",
  "drain",
  "durability",
  "growth",
  "scale",
] as const
export type MeasurementName = (typeof MEASUREMENTS)[number]

export interface Options {
  readonly quick: boolean
  readonly only: ReadonlyArray<MeasurementName>
  /** Of the main measurement; the first is the table's. */
  readonly connections: ReadonlyArray<number>
  /** Seconds of one timed load. */
  readonly duration: number
  readonly rounds: number
  readonly json: string | null
  readonly runtime: Runtime
  /** The name of the table that is written. */
  readonly table: string
}

export const USAGE = `npm run bench -- [options]
  --quick             the main table in a minute and a half
  --only NAME[,NAME]  ${MEASUREMENTS.join(", ")}
                      (scale: two minutes, which the run without --only leaves out)
  --connections N[,N] of main and reads (32,1,100,256,500; quick: 32,1); the table shows the first, and 1;
                      above 256 near sync and Prefer: wait alone
  --duration SECONDS  of each timed load (2.5; quick: 1)
  --rounds N          how often each figure is measured (3; quick: 2)
  --table NAME        what is written: ${[...MARKED.keys()].join(", ")}; rows are samples
  --json FILE         also write the results there
  --runtime NAME      node or deno, for our services and what they are compared with`

/** All would take more than the 15 minutes that a run may. */
const FULL = {
  only: MEASUREMENTS.filter((name) => name !== "scale"),
  connections: [32, 1, 100, 256, 500],
  duration: 2.5,
  rounds: 3,
}
const QUICK = {
  only: ["main", "steady", "visibility", "outage"] as const,
  connections: [32, 1],
  duration: 1,
  rounds: 2,
}

/** The command line is not one of ours; the message says what is allowed. */
export class OptionsError extends Error {
  override readonly name = "OptionsError"
}

const refuse = (option: string, text: string, allowed: string): never => {
  throw new OptionsError(`--${option} is ${JSON.stringify(text)}; allowed is ${allowed}`)
}

const numberIn = (option: string, text: string, min: number, max: number, whole: boolean) => {
  const number = Number(text)
  const isGood = text.trim() !== "" && number >= min && number <= max
  return isGood && (!whole || Number.isInteger(number))
    ? number
    : refuse(option, text, `${whole ? "a whole number" : "a number"} from ${min} to ${max}`)
}

const parse = (argv: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        connections: { type: "string" },
        duration: { type: "string" },
        rounds: { type: "string" },
        json: { type: "string" },
        runtime: { type: "string", default: "node" },
        table: { type: "string", default: DEFAULT_TABLE.name },
        help: { type: "boolean", default: false },
      },
    }).values
  } catch (error) {
    // The first sentence names the option; the others are about how to pass a positional argument.
    const [sentence = ""] = (error as Error).message.split(/\.(?: |$)|\n/)
    throw new OptionsError(`${sentence}; npm run bench -- --help says what is allowed`)
  }
}

/**
 * Null: help was asked for.
 * @throws {OptionsError}
 */
export const parseOptions = (argv: ReadonlyArray<string>): Options | null => {
  const values = parse(argv)
  if (values.help) return null
  const fallback = values.quick ? QUICK : FULL
  const { only, connections, duration, rounds, runtime } = values
  const table = MARKED.has(values.table)
    ? values.table
    : refuse("table", values.table, [...MARKED.keys()].join(", "))
  // An appended row has no key to read it by.
  const isReadable = findTable(table).table.mode === "upsert"
  const names = MEASUREMENTS.filter((name) => isReadable || !/^(visibility|reads)$/.test(name))
  const isName = (text: string): text is MeasurementName =>
    (names as ReadonlyArray<string>).includes(text)
  return {
    quick: values.quick,
    only: only
      ? only
          .split(",")
          .map((text) => (isName(text) ? text : refuse("only", text, names.join(", "))))
      : fallback.only.filter(isName),
    connections: connections
      ? connections.split(",").map((text) => numberIn("connections", text, 1, 500, true))
      : fallback.connections,
    duration: duration ? numberIn("duration", duration, 0.2, 60, false) : fallback.duration,
    rounds: rounds ? numberIn("rounds", rounds, 1, 50, true) : fallback.rounds,
    json: values.json ?? null,
    runtime:
      runtime === "node" || runtime === "deno"
        ? runtime
        : refuse("runtime", runtime, "node or deno"),
    table,
  }
}
