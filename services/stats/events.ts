/**
 * GET /events: what the page shows, once a second, as server-sent events, after the history of the last
 * minutes. However many look on, Redis and PostgreSQL are asked once a second, and not at all when nobody
 * does. An event comes every second whatever the stores do: silence means this service.
 */
import type { Health, Stats } from "../../shared/contract.ts"
import { problem } from "../../shared/http/answer.ts"
import type { Count } from "./count.ts"
import type { Examine } from "./health.ts"
import type { History } from "./history.ts"
import type { Worker } from "./workers.ts"

export const INTERVAL_MILLIS = 1_000

/** Each is a connection of the 2,048 and a copy of half a kilobyte a second. */
export const WATCHERS_MAX = 64

/** Events that a watcher has not read. It is sent away then, and asks again when it can read. */
const UNREAD_MAX = 30

const RETRY_SECONDS = 5

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // Or nginx would keep events until it has a buffer full of them.
  "x-accel-buffering": "no",
}

/** How soon a browser asks again when it has lost the connection, in milliseconds. */
const FIRST = `retry: ${INTERVAL_MILLIS}\n\n`

export interface Events {
  /** The answer to one more watcher, or why it is one too many. */
  readonly watch: (request: Request) => Response
  /** Ends all answers, and gives no more. */
  readonly end: () => void
}

/** Shards that the page shows, and the queue's own list: a copy of each goes to every watcher once a second. */
const SHARDS_SHOWN_MAX = 129

/** The shards whose writes have waited longest, in their order, when there are more than are shown. */
const forPage = (stats: Stats | undefined): Stats | undefined => {
  if (!stats?.shards || stats.shards.length <= SHARDS_SHOWN_MAX) return stats
  const oldest = stats.shards.toSorted((a, b) => b.oldest_age_seconds - a.oldest_age_seconds)
  const shown = new Set(oldest.slice(0, SHARDS_SHOWN_MAX))
  return { ...stats, shards: stats.shards.filter((shard) => shown.has(shard)) }
}

type Watcher = ReadableStreamDefaultController<Uint8Array>

/** What the page is told: the health, and the count behind it. */
export interface Event {
  /** Milliseconds since 1970, for rates and the axis of time. */
  readonly at: number
  /** Whether there is a token, and so anything that an operator can do. */
  readonly hasOperations: boolean
  readonly build: string
  readonly health: Health
  /** Left out, like the next, when Redis does not answer. */
  readonly stats: Stats | undefined
  readonly windows: Count["windows"] | undefined
  readonly workers: ReadonlyArray<Worker> | undefined
}

export interface EventsDependencies {
  readonly examine: Examine
  /** Rejects when Redis does not answer. */
  readonly workers: () => Promise<ReadonlyArray<Worker>>
  readonly history: Pick<History, "points">
  readonly hasOperations: boolean
  /** The version of this service. */
  readonly build: string
}

export const makeEvents = ({
  examine,
  workers: askWorkers,
  history,
  ...settings
}: EventsDependencies): Events => {
  const encoder = new TextEncoder()
  const watchers = new Set<Watcher>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isAsking = false
  let isEnded = false
  /** What a watcher who comes later is shown at once; "" when the last one has left. */
  let latest = ""

  const leave = (watcher: Watcher) => {
    watchers.delete(watcher)
    if (watchers.size > 0) return
    clearTimeout(timer)
    latest = ""
  }

  const send = (watcher: Watcher, text: string) => {
    if ((watcher.desiredSize ?? 0) > -UNREAD_MAX) return watcher.enqueue(encoder.encode(text))
    leave(watcher)
    watcher.close()
  }

  /** Asks, tells all, and comes back a second after it began. */
  const round = async () => {
    isAsking = true
    const began = performance.now()
    const [{ count, health }, workers] = await Promise.all([
      examine(),
      askWorkers().catch(() => undefined),
    ])
    const { stats, windows } = count ?? {}
    const event: Event = {
      at: Date.now(),
      ...settings,
      health,
      stats: forPage(stats),
      windows,
      workers,
    }
    isAsking = false
    if (watchers.size === 0) return
    latest = `data: ${JSON.stringify(event)}\n\n`
    for (const watcher of [...watchers]) send(watcher, latest)
    timer = setTimeout(round, Math.max(0, INTERVAL_MILLIS - (performance.now() - began)))
  }

  const watch = ({ method }: Request) => {
    // An answer to HEAD is never read, so nobody would say when its watcher has gone.
    if (method === "HEAD") return new Response(null, { headers: HEADERS })
    if (isEnded) return problem("stopping", { retryAfterSeconds: RETRY_SECONDS })
    if (watchers.size >= WATCHERS_MAX) {
      return problem("too-many-watchers", { retryAfterSeconds: RETRY_SECONDS })
    }
    let self: Watcher
    const body = new ReadableStream<Uint8Array>({
      start: (watcher) => {
        self = watcher
        const isFirst = watchers.size === 0
        watchers.add(watcher)
        send(watcher, FIRST)
        send(watcher, `event: history\ndata: ${JSON.stringify(history.points())}\n\n`)
        if (latest !== "") send(watcher, latest)
        if (isFirst && !isAsking) void round()
      },
      cancel: () => leave(self),
    })
    return new Response(body, { headers: HEADERS })
  }

  const end = () => {
    isEnded = true
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
    watchers.clear()
  }

  return { watch, end }
}
