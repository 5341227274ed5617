/**
 * Sends spans to a collector: OTLP over HTTP, as JSON. It has one request under way at a time and keeps so many
 * spans, whatever the collector does: what is beyond is dropped, counted, and said in the log. (Effect's exporter
 * begins another request for each thousand spans, however many are under way, and each may last for ever.)
 */
import type { Log } from "../log.ts"

/** Spans that wait beside those of the request under way: some ten MiB, and a second of a process under full load. */
export const WAITING_MAX = 16_384

/** Of one request: half a MiB. */
export const REQUEST_MAX = 1_000

const INTERVAL_MILLIS = 1_000

/** The longest pause after requests that failed one after the other. */
const PAUSE_MAX_MILLIS = 10_000

const REQUEST_MILLIS = 5_000

/** What has not been sent so long after the stop of the process began is dropped. */
export const FLUSH_MILLIS = 900

/** Those that OTLP says to repeat. */
const REPEATED = new Set([429, 502, 503, 504])

export interface Exporter {
  /** Returns at once. */
  readonly push: (span: object) => void
  /** Sends what waits, and returns within FLUSH_MILLIS or so. */
  readonly close: () => Promise<void>
}

/** Throws nothing: a reason, or null; `isOver` when the same spans are not to be sent again. */
const post = async (url: string, headers: Headers, body: string, signal: AbortSignal) => {
  try {
    const response = await fetch(url, { method: "POST", headers, body, signal })
    await response.arrayBuffer()
    if (response.ok) return { reason: null, isOver: true }
    return { reason: `status ${response.status}`, isOver: !REPEATED.has(response.status) }
  } catch (error) {
    const { name, cause } = error as Error
    return { reason: (cause as NodeJS.ErrnoException | undefined)?.code ?? name, isOver: false }
  }
}

/** `wrap` makes the body of a request of its spans. */
export const makeExporter = (
  url: string,
  more: Readonly<Record<string, string>>,
  wrap: (spans: ReadonlyArray<object>) => object,
  log: Log,
): Exporter => {
  const headers = new Headers({ ...more, "content-type": "application/json" })
  let waiting: object[] = []
  let dropped = 0
  let failures = 0
  let sending: Promise<void> | null = null
  let timer: NodeJS.Timeout | null = null
  const stopping = new AbortController()

  const say = (reason: string) => {
    log("warn", "traces are not sent", { reason, waiting: waiting.length, dropped })
    dropped = 0
  }

  const sendOnce = async () => {
    const spans = waiting.slice(0, REQUEST_MAX)
    waiting = waiting.slice(REQUEST_MAX)
    const limit = AbortSignal.any([stopping.signal, AbortSignal.timeout(REQUEST_MILLIS)])
    const { reason, isOver } = await post(url, headers, JSON.stringify(wrap(spans)), limit)
    failures = reason === null ? 0 : failures + 1
    if (!isOver) waiting = [...spans, ...waiting]
    else if (reason !== null) dropped += spans.length
    if (reason !== null || dropped > 0) say(reason ?? "more spans than the collector takes")
  }

  const send = () => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    sending = sendOnce().finally(() => {
      sending = null
      if (waiting.length > 0) plan()
    })
  }

  /** The next request: at once for a full one, after a pause that gets longer where the last ones failed. */
  const plan = () => {
    if (sending !== null || timer !== null || stopping.signal.aborted) return
    const isFull = waiting.length >= REQUEST_MAX && failures === 0
    const pause = Math.min(INTERVAL_MILLIS * 2 ** Math.min(failures, 4), PAUSE_MAX_MILLIS)
    timer = setTimeout(send, isFull ? 0 : pause)
    // A process that has nothing else to do ends.
    timer.unref()
  }

  return {
    push: (span) => {
      if (waiting.length >= WAITING_MAX) {
        dropped += 1
        return
      }
      waiting.push(span)
      if (waiting.length === REQUEST_MAX && timer !== null && failures === 0) {
        clearTimeout(timer)
        timer = null
      }
      plan()
    },
    close: async () => {
      const last = setTimeout(() => stopping.abort(), FLUSH_MILLIS)
      // What has failed at the stop is not tried once more.
      do {
        await sending
        if (waiting.length > 0 && !stopping.signal.aborted) send()
        await sending
      } while (waiting.length > 0 && failures === 0 && !stopping.signal.aborted)
      clearTimeout(last)
      stopping.abort()
      if (timer !== null) clearTimeout(timer)
      dropped += waiting.length
      if (dropped > 0) say("the process stops")
    },
  }
}
