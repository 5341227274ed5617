/** What every measurement works with: the stores, the distances, the contenders, and what is on record. */
import { randomUUID } from "node:crypto"
import { type Database, openDatabase } from "../shared/postgres/postgres.ts"
import { everyName } from "../shared/queue/shards.ts"
import { type Connection, closeRedis, openRedis, untilReady } from "../shared/redis/redis.ts"
import { MAX_DEPTH, remove } from "./backlog.ts"
import type { Cleanup, Stoppable } from "./cleanup.ts"
import { type Contender, type ContenderName, startContender, startWorker } from "./contender.ts"
import { type Distance, FAR_MILLIS, measureDistances, startProxy } from "./distance.ts"
import { findTable, type Marked } from "./mark.ts"
import type { Options } from "./options.ts"
import type { Progress } from "./progress.ts"
import type { Results } from "./result.ts"
import { openStores, type PostgresUsed, type RedisUsed } from "./stores.ts"

/** Counting the rows of a million writes, or copying a list of them, takes seconds. */
const DEADLINE_MILLIS = 120_000

/** Where a contender finds its database: at a distance, or where it goes away in an outage. */
export type Place = Distance | "outage"

interface Settings {
  readonly queue?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Stage {
  readonly cleanup: Cleanup
  readonly options: Options
  /** What the loads write. */
  readonly marked: Marked
  readonly postgres: PostgresUsed
  readonly redis: RedisUsed
  readonly databaseUrl: Readonly<Record<Place, string>>
  readonly roundTrip: Readonly<Record<Distance, number>>
  /** Where our own stores are. */
  readonly path: string
  /** The benchmark's own connections. */
  readonly database: Database
  readonly queue: Connection
  /** A name that no other queue has, which may have so many shards. */
  newQueue(shards?: number): string
  /** Of the marks of one load: no other has the same. */
  newLabel(): string
  /** The contender with its database there that all measurements share; started when one needs it. */
  share(name: ContenderName, place: Place): Promise<Contender>
  /** Starts one of its own. */
  start(name: ContenderName, place: Place, settings?: Settings): Promise<Contender>
  startWorker(settings: Settings): Promise<Stoppable>
}

/** What a measurement is given. */
export interface Context {
  readonly stage: Stage
  readonly results: Results
  readonly progress: Progress
}

export const openStage = async (cleanup: Cleanup, options: Options): Promise<Stage> => {
  const { path, postgres, redis } = await openStores(cleanup)
  const proxy = await cleanup.add(startProxy(postgres.url, FAR_MILLIS))
  const databaseUrl = { near: postgres.url, far: proxy.url, outage: postgres.outage.url }
  const roundTrip = await measureDistances(databaseUrl)
  const pool = { name: "bench", maxConnections: 2, deadlineMillis: DEADLINE_MILLIS }
  const database = openDatabase(postgres.url, pool)
  const queue = openRedis(redis.url, { name: "bench", blockingMillis: DEADLINE_MILLIS })
  await untilReady(queue)
  const run = randomUUID().slice(0, 8)
  const queues: string[] = []
  await cleanup.add(
    Promise.resolve({
      stop: async () => {
        // A Redis that was given is left as it was.
        for (const name of queues) await remove(queue, name)
        closeRedis(queue)
        await database.close()
      },
    }),
  )
  const newQueue = (shards = 0) => {
    const name = `bench-${run}-${queues.length + 1}`
    queues.push(...everyName(name, { shards, ever: shards }))
    return name
  }
  let labels = 0
  const newLabel = () => {
    labels += 1
    return `load-${String(labels).padStart(4, "0")}`
  }
  const marked = findTable(options.table)
  const contenderOptions = (place: Place, settings: Settings) => ({
    marked,
    databaseUrl: databaseUrl[place],
    redisUrl: redis.url,
    queue: settings.queue ?? newQueue(),
    runtime: options.runtime,
    env: { QUEUE_MAX_DEPTH: String(MAX_DEPTH), ...settings.env },
  })
  const start = (name: ContenderName, place: Place, settings: Settings = {}) =>
    startContender(cleanup, name, contenderOptions(place, settings))
  const shared = new Map<string, Promise<Contender>>()
  const share = (name: ContenderName, place: Place) => {
    const started = shared.get(`${name} ${place}`) ?? start(name, place)
    shared.set(`${name} ${place}`, started)
    return started
  }
  return {
    ...{ cleanup, options, marked, postgres, redis, databaseUrl, roundTrip, path, database, queue },
    newQueue,
    newLabel,
    start,
    share,
    startWorker: (settings) => startWorker(cleanup, contenderOptions("near", settings)),
  }
}
