/**
 * Read consistency: how long after the answer the reader shows a write, of lone writes and under full
 * load; and as its measure, how long one bare upsert takes.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { writeOne } from "../../shared/table/baseline.ts"
import { drained } from "../backlog.ts"
import type { Contender } from "../contender.ts"
import { demandAnswered, run } from "../load.ts"
import { type Marked, readPath } from "../mark.ts"
import type { Options } from "../options.ts"
import { rounded, type VisibilityRound } from "../result.ts"
import { clearRows } from "../rows.ts"
import type { Context, Stage } from "../stage.ts"
import { type Lane, measureRounds } from "./rounds.ts"

const LOAD_CONNECTIONS = 32
const START_SECONDS = 3

/** Of each kind, in each round. */
const LONE_WRITES = 20
const UPSERTS = 20

/** On average of the three: a default worker waits for more writes for a tenth of a second. */
const LONE_SECONDS = (LONE_WRITES * 0.25) / 3

/** Between lone writes: long enough for the one before to be over, never the same. */
const PAUSE_MILLIS = 20

/** Under load a reader in a hot loop would be a load of its own. */
const LOADED_PAUSE_MILLIS = 2
const LIMIT_MILLIS = 60_000

const loadSeconds = ({ duration }: Options) => Math.min(duration, 3)

/** One round is sixty lone writes, which is enough for a median. */
const visibilityRounds = ({ rounds, quick }: Options) => (quick ? 1 : rounds)

export const visibilitySeconds = (options: Options): number =>
  START_SECONDS + visibilityRounds(options) * 3 * (loadSeconds(options) + 1 + LONE_SECONDS)

const send = async (url: string, { path, write }: Marked, key: string): Promise<void> => {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(write(key).row),
  })
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`a lone write was answered ${response.status}`)
}

/** From the answer to the first read that shows the write, in ms. */
const timeToSee = async (
  { marked }: Stage,
  writeUrl: string,
  readUrl: string,
  key: string,
  pause: number,
) => {
  await send(writeUrl, marked, key)
  const begin = performance.now()
  while (performance.now() - begin < LIMIT_MILLIS) {
    const response = await fetch(`${readUrl}${readPath(marked)}/${key}`)
    await response.arrayBuffer()
    if (response.status === 200) return rounded(performance.now() - begin, 2)
    if (pause > 0) await sleep(pause)
  }
  throw new Error(`a write was not visible in ${LIMIT_MILLIS} ms`)
}

/** So many times, with a key each, and a pause before. */
const repeat = async (stage: Stage, count: number, measure: (key: string) => Promise<number>) => {
  const label = stage.newLabel()
  const millis: number[] = []
  while (millis.length < count) {
    await sleep(PAUSE_MILLIS * (1 + Math.random()))
    millis.push(await measure(stage.marked.mark(label, 0, millis.length)))
  }
  return millis
}

const measureLone = (stage: Stage, { url }: Contender, readUrl: string) =>
  repeat(stage, LONE_WRITES, (key) => timeToSee(stage, url, readUrl, key, 0))

const measureUpserts = (stage: Stage) =>
  repeat(stage, UPSERTS, async (key) => {
    const begin = performance.now()
    const { table, row } = stage.marked.write(key)
    await stage.database.run((sql) => writeOne(sql, table, row))
    return rounded(performance.now() - begin, 2)
  })

const measureLoaded = async (stage: Stage, contender: Contender, readUrl: string) => {
  const { url, queue } = contender
  const [label, ownLabel] = [stage.newLabel(), stage.newLabel()]
  const seconds = loadSeconds(stage.options)
  let isOver = false
  const { marked } = stage
  const load = { contender, work: "upsert", tables: [marked], label } as const
  const loaded = run({ ...load, connections: LOAD_CONNECTIONS, seconds }).finally(() => {
    isOver = true
  })
  const millis: number[] = []
  while (!isOver) {
    const key = marked.mark(ownLabel, 0, millis.length)
    millis.push(await timeToSee(stage, url, readUrl, key, LOADED_PAUSE_MILLIS))
  }
  demandAnswered(await loaded, `${contender.name}, which is read from`)
  if (queue !== null) await drained(stage.queue, queue, LIMIT_MILLIS)
  return millis
}

export const measureVisibility = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  progress.step("start reader, sync, async twice", START_SECONDS)
  const reader = await stage.share("reader", "near")
  const quick = await stage.start("async", "near", { env: { WORKER_POLL_INTERVAL: "0" } })
  const contenders = [
    { contender: await stage.share("sync", "near"), pollInterval: null },
    { contender: await stage.share("async", "near"), pollInterval: null },
    { contender: quick, pollInterval: 0 },
  ]
  // Uncounted, to warm up.
  for (const { contender } of contenders) await measureLone(stage, contender, reader.url)
  await measureUpserts(stage)
  const upserts: Lane = {
    title: "bare upserts",
    seconds: 0,
    measure: async () => {
      await clearRows(stage.database, stage.marked)
      results.upserts.push(...(await measureUpserts(stage)))
    },
  }
  const lanes = contenders.flatMap(({ contender, pollInterval }) => {
    const name = contender.name as VisibilityRound["contender"]
    const lane = (load: VisibilityRound["load"], seconds: number, measure: typeof measureLone) => ({
      title: `visibility, ${name}, ${load === "lone" ? "lone writes" : "under load"}`,
      seconds,
      measure: async (round: number) => {
        const millis = await measure(stage, contender, reader.url)
        results.visibility.push({ round, contender: name, pollInterval, load, millis })
      },
    })
    return [
      lane("lone", LONE_SECONDS, measureLone),
      lane("loaded", loadSeconds(stage.options) + 1, measureLoaded),
    ]
  })
  await measureRounds(context, visibilityRounds(stage.options), [upserts, ...lanes])
  await quick.stop()
}
