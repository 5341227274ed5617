/** The page, live: events come in, and go to what shows them. Addresses are relative: a proxy may have a path. */

import { makeChart } from "./chart.js"
import { lastRates, outlook, pointOf, rates, remember } from "./flow.js"
import { rate } from "./format.js"
import { showOperations } from "./operations.js"
import { showShards } from "./shards.js"
import { element, setStatus, setText, setTroubles, show } from "./show.js"

/** An event comes every second; after so long without one the figures are no longer true. */
const SILENCE_MILLIS = 2_500

/** The history has a point every five seconds. */
const HISTORY_GAP_MILLIS = 12_000

/** A browser does not ask again by itself when it was refused. */
const AGAIN_MILLIS = 5_000

let heardAt = performance.now()

const flow = makeChart(element("chart-rates"), element("legend-rates"), ["in", "out"])
const depth = makeChart(element("chart-depth"), element("legend-depth"), ["depth"])

const addPoint = (point, gapMillis) => {
  if (!remember(point)) return
  flow.add(point.at, lastRates(gapMillis), gapMillis)
  depth.add(point.at, [point.depth], gapMillis)
}

const draw = () => {
  flow.draw()
  depth.draw()
}

/** What was before the page was opened, or while it was asleep. */
const onHistory = (history) => {
  for (const point of history) addPoint(pointOf(...point), HISTORY_GAP_MILLIS)
  draw()
}

const onEvent = (event) => {
  heardAt = performance.now()
  const { writes_queued, writes_processed, queue_depth } = event.stats ?? {}
  const figures = [writes_queued, writes_processed, queue_depth].map((figure) => figure ?? null)
  // The first after the history is up to five seconds later than it; a later one is not.
  addPoint(pointOf(event.at, ...figures), 2 * SILENCE_MILLIS + 1_000)
  draw()
  show(event)
  showShards(event.stats?.shards)
  showOperations(event)
  const [writesIn, writesOut] = rates()
  setText("rate-in", rate(writesIn))
  setText("rate-out", rate(writesOut))
  setText("outlook", outlook())
}

const connect = () => {
  const source = new EventSource("events")
  source.addEventListener("history", ({ data }) => onHistory(JSON.parse(data)))
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
