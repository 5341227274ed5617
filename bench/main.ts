/**
 * `npm run bench`: measures sync against async and shows how close the buffer is to the limit. Ends with
 * 0, with 1 when a measurement failed (a lost write above all), with 130 when it was interrupted.
 */
import { execFileSync } from "node:child_process"
import { mkdir, writeFile } from "node:fs/promises"
import process from "node:process"
import { fileURLToPath, pathToFileURL } from "node:url"
import { Cleanup } from "./cleanup.ts"
import { commit, describeMachine } from "./machine.ts"
import { VALUE_BYTES } from "./mark.ts"
import { countComplexity } from "./measure/complexity.ts"
import { drainSeconds, measureDrain } from "./measure/drain.ts"
import { durabilitySeconds, measureDurability } from "./measure/durability.ts"
import { growthSeconds, measureGrowth } from "./measure/growth.ts"
import { measureOutage, outageSeconds } from "./measure/outage.ts"
import { measureReads, readsSeconds } from "./measure/reads.ts"
import { measureScale, scaleSeconds } from "./measure/scale.ts"
import { measureSteady, steadySeconds } from "./measure/steady.ts"
import { measureThroughput, throughputSeconds } from "./measure/throughput.ts"
import { measureVisibility, visibilitySeconds } from "./measure/visibility.ts"
import { type MeasurementName, type Options, OptionsError, parseOptions, USAGE } from "./options.ts"
import { Progress } from "./progress.ts"
import { COST_HEAD, costRows } from "./report/costs.ts"
import { evaluate, goalLine } from "./report/goals.ts"
import { renderPage } from "./report/page.ts"
import { scaleRows } from "./report/scale.ts"
import { align, HEAD, provenance, rows } from "./report/table.ts"
import { FORMAT, type Results, rounded } from "./result.ts"
import { type Context, openStage, type Stage } from "./stage.ts"

/** The tests of the benchmark keep theirs elsewhere. */
const RESULTS = process.env.BENCH_RESULTS
  ? pathToFileURL(`${process.env.BENCH_RESULTS}/`)
  : new URL("results/", import.meta.url)

const OPEN_SECONDS = 6

interface Measurement {
  readonly seconds: (options: Options) => number
  readonly measure: (context: Context) => Promise<void>
}

const MEASUREMENT: Readonly<Record<MeasurementName, Measurement>> = {
  main: { seconds: throughputSeconds, measure: measureThroughput },
  reads: { seconds: readsSeconds, measure: measureReads },
  steady: { seconds: steadySeconds, measure: measureSteady },
  visibility: { seconds: visibilitySeconds, measure: measureVisibility },
  outage: { seconds: outageSeconds, measure: measureOutage },
  drain: { seconds: drainSeconds, measure: measureDrain },
  durability: { seconds: durabilitySeconds, measure: measureDurability },
  growth: { seconds: growthSeconds, measure: measureGrowth },
  scale: { seconds: scaleSeconds, measure: measureScale },
}

const versions = ({ runtime }: Options): Record<string, string> => ({
  node: process.version.slice(1),
  ...(runtime === "deno" && {
    deno: execFileSync("deno", ["--version"], { encoding: "utf8" }).split(" ")[1] ?? "",
  }),
})

const begin = async (stage: Stage, options: Options, argv: ReadonlyArray<string>) => {
  const { path, roundTrip, postgres, redis } = stage
  const { connections, duration, rounds, runtime, table } = options
  const results: Results = {
    format: FORMAT,
    date: new Date().toISOString(),
    commit: commit(),
    command: ["npm run bench", ...(argv.length > 0 ? ["--", ...argv] : [])].join(" "),
    machine: describeMachine(path),
    runtime,
    versions: versions(options),
    stores: { postgres: postgres.description, redis: redis.description },
    settings: { connections, duration, rounds, valueBytes: VALUE_BYTES, table },
    roundTrip: { near: rounded(roundTrip.near, 2), far: rounded(roundTrip.far, 2) },
    complexity: await countComplexity(),
    upserts: [],
    loads: [],
    steady: [],
    visibility: [],
    outage: [],
    drain: [],
    durability: [],
    growth: [],
    bytesPerWrite: [],
    scale: { loads: [], idle: [], queued: [] },
  }
  return results
}

const print = (results: Results): void => {
  console.log(`\n${align([HEAD, ...rows(results)])}\n`)
  if (results.loads.length > 0) console.log(`${align([COST_HEAD, ...costRows(results)])}\n`)
  const scale = scaleRows(results)
  if (scale !== null) console.log(`${align(scale)}\n`)
  console.log(`${provenance(results).replaceAll("; ", "\n")}\n`)
  console.log(
    align([["goal", "bound", "figure", "ceiling", ""], ...evaluate(results).map(goalLine)]),
  )
}

const save = async (results: Results, { json }: Options): Promise<void> => {
  await mkdir(RESULTS, { recursive: true })
  const text = `${JSON.stringify(results)}\n`
  const stamp = results.date.slice(0, 16).replaceAll(":", "")
  const file = new URL(`${stamp}-${results.commit}.json`, RESULTS)
  const report = new URL("report.html", RESULTS)
  await writeFile(file, text)
  await writeFile(report, renderPage(results))
  if (json !== null) await writeFile(json, text)
  for (const url of [file, report]) console.log(`wrote ${fileURLToPath(url)}`)
}

const parseOrExit = (argv: ReadonlyArray<string>): Options => {
  try {
    const options = parseOptions(argv)
    if (options !== null) return options
    console.log(USAGE)
    process.exit(0)
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error
    console.error(`bench: ${error.message}`)
    process.exit(1)
  }
}

const main = async (argv: ReadonlyArray<string>): Promise<number> => {
  const options = parseOrExit(argv)
  const cleanup = new Cleanup()
  const seconds = options.only.reduce((sum, name) => sum + MEASUREMENT[name].seconds(options), 0)
  const progress = new Progress(process.stdout, OPEN_SECONDS + seconds)
  let results: Results | null = null
  const measure = async () => {
    progress.step("start PostgreSQL and Redis", OPEN_SECONDS)
    const stage = await openStage(cleanup, options)
    results = await begin(stage, options, argv)
    for (const name of options.only) {
      await MEASUREMENT[name].measure({ stage, results, progress })
    }
    return null
  }
  const { promise: interrupted, resolve } = Promise.withResolvers<"interrupted">()
  // Once: a second Ctrl-C ends it at once, and the guards of the children end them.
  process.once("SIGINT", () => resolve("interrupted"))
  process.once("SIGTERM", () => resolve("interrupted"))
  const ending: Error | "interrupted" | null = await Promise.race([
    measure().catch((error: Error) => error),
    interrupted,
  ])
  progress.end()
  // What was under way fails when its stores stop, and nobody waits for it any more.
  process.on("unhandledRejection", () => {})
  await cleanup.close()
  if (results !== null) print(results)
  if (ending === "interrupted") return 130
  if (ending !== null) {
    console.error(`\nbench: ${ending.message}`)
    return 1
  }
  if (results !== null) await save(results, options)
  return 0
}

process.exit(await main(process.argv.slice(2)))
