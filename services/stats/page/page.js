/** The page, live: events come in, and go to what shows them. */

import { makeChart } from "./chart.js"
import { showOperations } from "./operations.js"
import { rate, setStatus, setText, setTroubles, show } from "./show.js"

/** A rate of one second jumps about; one of ten is old. */
const RATE_SECONDS = 5

/** An event comes every second; after so long without one the figures are no longer true. */
const SILENCE_MILLIS = 2_500

/** A browser does not ask again by itself when it was refused. */
const AGAIN_MILLIS = 5_000

const recent = []
let heardAt = performance.now()

const rates = makeChart(document.getElementById("chart-rates"), ["in", "out"])
const depth = makeChart(document.getElementById("chart-depth"), ["depth"])

/** Writes a second between two events; null when Redis was away, or has begun to count anew. */
const between = (from, to, name) => {
  if (!from?.stats || !to.stats || to.at <= from.at) return null
  const writes = to.stats[name] - from.stats[name]
  return writes < 0 ? null : (writes * 1_000) / (to.at - from.at)
}

const onEvent = (event) => {
  heardAt = performance.now()
  const last = recent.at(-1)
  if (last && event.at <= last.at) return
  recent.push(event)
  if (recent.length > RATE_SECONDS + 1) recent.shift()
  show(event)
  showOperations(event)
  const queued = "writes_queued"
  const processed = "writes_processed"
  setText("rate-in", rate(between(recent[0], event, queued)))
  setText("rate-out", rate(between(recent[0], event, processed)))
  rates.add(event.at / 1_000, [between(last, event, queued), between(last, event, processed)])
  depth.add(event.at / 1_000, [event.stats?.queue_depth ?? null])
}

const connect = () => {
  const source = new EventSource("/events")
  source.onmessage = ({ data }) => onEvent(JSON.parse(data))
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, AGAIN_MILLIS)
  }
}

setInterval(() => {
  if (performance.now() - heardAt < SILENCE_MILLIS) return
  setStatus("disconnected")
  setTroubles([["This page hears nothing from the stats service. It goes on trying.", true]])
}, 500)

connect()
