/** Each shard as a row, where there is more than one: what is late or not served stands out. */

import { count, duration, rate } from "./format.js"
import { element, make } from "./show.js"

/** As the alerts of the health have it. */
const LATE_SECONDS = 10

const cell = (text, isAlarming = false) =>
  make("td", text, { className: isAlarming ? "alarming" : "" })

const rowOf = ({ shard, current, ...figures }) => {
  const { queue_depth, in_flight, oldest_age_seconds, workers, processing_rate } = figures
  const row = make("tr", "")
  const name = make("th", shard, { scope: "row" })
  // The queue's own list has a name: onto that one others push.
  if (!current) name.append(make("small", /^\d+$/.test(shard) ? " left behind" : " pushed"))
  row.append(
    name,
    cell(count(queue_depth)),
    cell(count(in_flight)),
    cell(duration(oldest_age_seconds), oldest_age_seconds > LATE_SECONDS),
    cell(rate(processing_rate)),
    cell(count(workers), workers === 0),
  )
  return row
}

// It scrolls when there are many, and then the keyboard must reach it.
const scroll = element("shards-scroll")
scroll.tabIndex = 0
scroll.setAttribute("role", "region")
scroll.setAttribute("aria-labelledby", "shards-title")

export const showShards = (shards = []) => {
  element("shards-card").hidden = shards.length === 0
  const body = element("shards")
  const wanted = JSON.stringify(shards)
  if (body.dataset.shown === wanted) return
  body.dataset.shown = wanted
  body.replaceChildren(...shards.map(rowOf))
}
