/** How the queue has gone in the last minutes: rates between what was measured, and when a backlog is gone. */

import { about, rate } from "./format.js"

/** A rate of one second jumps about; one of ten is old. */
const RATE_MILLIS = 5_000

/** What an estimate looks back over, and how long it must have looked. */
const OUTLOOK_MILLIS = 30_000
const OUTLOOK_MIN_MILLIS = 5_000

/** Fewer writes are gone before one has read when. */
const BACKLOG_MIN_WRITES = 100

/** Five minutes, a second each. */
const POINTS_MAX = 300

const points = []

/** One measurement; null figures when Redis did not answer. */
export const pointOf = (at, queued, processed, depth) => ({ at, queued, processed, depth })

/** Whether it is newer than all there is: a history that is sent again is known. */
export const remember = (point) => {
  if (point.at <= (points.at(-1)?.at ?? 0)) return false
  points.push(point)
  if (points.length > POINTS_MAX) points.shift()
  return true
}

/** Writes a second; null when one of the two is not known, or the counts have begun anew. */
const between = (from, to, name) => {
  if (!from || from[name] === null || to[name] === null) return null
  const writes = to[name] - from[name]
  return writes < 0 ? null : (writes * 1_000) / (to.at - from.at)
}

const since = (millis) => points.find(({ at }) => at >= points.at(-1).at - millis)

/** In and out, from the point before the latest to the latest; null over a gap. */
export const lastRates = (gapMillis) => {
  const latest = points.at(-1)
  const before = points.at(-2)
  if (!before || latest.at - before.at > gapMillis) return [null, null]
  return [between(before, latest, "queued"), between(before, latest, "processed")]
}

/** In and out, over the last seconds. */
export const rates = () => {
  const latest = points.at(-1)
  const before = since(RATE_MILLIS)
  if (!before || before === latest) return [null, null]
  return [between(before, latest, "queued"), between(before, latest, "processed")]
}

/** Words on a backlog: when it is gone at this pace, or that it is not. */
export const outlook = () => {
  const latest = points.at(-1)
  const before = since(OUTLOOK_MILLIS)
  const isKnown = before && latest.depth !== null && before.depth !== null
  if (!isKnown || latest.at - before.at < OUTLOOK_MIN_MILLIS) return ""
  if (latest.depth < BACKLOG_MIN_WRITES) return ""
  const growth = ((latest.depth - before.depth) * 1_000) / (latest.at - before.at)
  if (growth > 1) return `growing by ${rate(growth)} a second`
  if (growth > -1) return "not getting fewer"
  return `gone in about ${about(latest.depth / -growth)}`
}
