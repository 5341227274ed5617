/**
 * Read consistency: how long after the answer the reader shows a write, of lone writes and under full
 * load; and as its measure, how long one bare upsert takes.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { startService } from "../../scripts/servers/service.ts"
import { drained } from "../backlog.ts"
import type { Contender } from "../contender.ts"
import { run, VALUE } from "../load.ts"
import type { Options } from "../options.ts"
import { rounded, type VisibilityRound } from "../result.ts"
import { clearRows } from "../rows.ts"
import type { Context, Stage } from "../stage.ts"
import { newLabel } from "../trial.ts"

const LOAD_CONNECTIONS = 32
const START_SECONDS = 5

/** Of each kind, in each round. */
const LONE_WRITES = 20
const UPSERTS = 20

/** Between lone writes: long enough for the one before to be over, never the same. */
const PAUSE_MILLIS = 20

/** Under load a reader in a hot loop would be a load of its own. */
const LOADED_PAUSE_MILLIS = 2
const LIMIT_MILLIS = 60_000

interface Lane {
  readonly contender: Contender
  readonly pollInterval: number | null
}

const loadSeconds = ({ duration }: Options) => Math.min(duration, 3)

/** One round is sixty lone writes, which is enough for a median. */
const visibilityRounds = ({ rounds, quick }: Options) => (quick ? 1 : rounds)

export const visibilitySeconds = (options: Options): number =>
  START_SECONDS + visibilityRounds(options) * (3 * (loadSeconds(options) + 1) + LONE_WRITES * 0.25)

const send = async (url: string, key: string): Promise<void> => {
  const response = await fetch(`${url}/write`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key, value: VALUE }),
  })
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`a lone write was answered ${response.status}`)
}

/** From the answer to the first read that shows the write, in ms. */
const timeToSee = async (writeUrl: string, readUrl: string, key: string, pause: number) => {
  await send(writeUrl, key)
  const begin = performance.now()
  while (performance.now() - begin < LIMIT_MILLIS) {
    const response = await fetch(`${readUrl}/read/${key}`)
    await response.arrayBuffer()
    if (response.status === 200) return rounded(performance.now() - begin, 2)
    if (pause > 0) await sleep(pause)
  }
  throw new Error(`a write was not visible in ${LIMIT_MILLIS} ms`)
}

const measureLone = async ({ contender }: Lane, readUrl: string) => {
  const label = newLabel()
  const millis: number[] = []
  for (let write = 0; write < LONE_WRITES; write++) {
    await sleep(PAUSE_MILLIS * (1 + Math.random()))
    millis.push(await timeToSee(contender.url, readUrl, `${label}-${write}`, 0))
  }
  return millis
}

const measureLoaded = async (
  stage: Stage,
  { contender }: Lane,
  readUrl: string,
  seconds: number,
) => {
  const label = newLabel()
  const load = { url: contender.url, connections: LOAD_CONNECTIONS, seconds, label: newLabel() }
  let isOver = false
  const loaded = run(load).then(() => {
    isOver = true
  })
  const millis: number[] = []
  while (!isOver) {
    const key = `${label}-${millis.length}`
    millis.push(await timeToSee(contender.url, readUrl, key, LOADED_PAUSE_MILLIS))
  }
  await loaded
  if (contender.queue !== null) await drained(stage.queue, contender.queue, LIMIT_MILLIS)
  return millis
}

const measureUpserts = async ({ database }: Stage): Promise<number[]> => {
  const label = newLabel()
  const millis: number[] = []
  for (let write = 0; write < UPSERTS; write++) {
    await sleep(PAUSE_MILLIS * (1 + Math.random()))
    const begin = performance.now()
    await database.run(
      (sql) => sql`
        insert into key_values as stored (key, value, version)
        values (${`${label}-${write}`}, ${VALUE}, 1)
        on conflict (key) do update set value = excluded.value, version = stored.version + 1`,
    )
    millis.push(rounded(performance.now() - begin, 2))
  }
  return millis
}

export const measureVisibility = async ({ stage, results, progress }: Context): Promise<void> => {
  const { runtime } = stage.options
  const rounds = visibilityRounds(stage.options)
  progress.step("start reader, sync, async twice", START_SECONDS)
  const env = { DATABASE_URL: stage.databaseUrl.near, REDIS_URL: stage.redis.url }
  const reader = await stage.cleanup.add(startService("reader", { runtime, env }))
  const lanes: Lane[] = [
    { contender: await stage.start("sync", "near"), pollInterval: null },
    { contender: await stage.start("async", "near"), pollInterval: null },
    {
      contender: await stage.start("async", "near", { env: { WORKER_POLL_INTERVAL: "0" } }),
      pollInterval: 0,
    },
  ]
  // Uncounted, to warm up.
  for (const lane of lanes) await measureLone(lane, reader.url)
  await measureUpserts(stage)
  const seconds = loadSeconds(stage.options)
  for (let round = 1; round <= rounds; round++) {
    await clearRows(stage.database)
    results.upserts.push(...(await measureUpserts(stage)))
    for (const lane of round % 2 ? lanes : lanes.toReversed()) {
      const { contender, pollInterval } = lane
      const name = contender.name as VisibilityRound["contender"]
      const title = `round ${round}/${rounds}: visibility, ${name}`
      const of = { round, contender: name, pollInterval }
      progress.step(`${title}, lone writes`, (LONE_WRITES * 0.25) / 3)
      const lone = await measureLone(lane, reader.url)
      results.visibility.push({ ...of, load: "lone", millis: lone })
      progress.step(`${title}, under load`, seconds + 1)
      const loaded = await measureLoaded(stage, lane, reader.url, seconds)
      results.visibility.push({ ...of, load: "loaded", millis: loaded })
    }
  }
  for (const { contender } of lanes) await contender.stop()
  await stage.cleanup.stop(reader)
}
