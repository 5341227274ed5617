/** One event as text on the page. Only ever as text: nothing that came from outside becomes markup. */

import { clock, count, duration, moment, parkedIn } from "./format.js"
import { fill } from "./list.js"

export const element = (id) => document.getElementById(id)

/** An element with text, and properties of its own. */
export const make = (tag, text, more = {}) =>
  Object.assign(document.createElement(tag), { textContent: text, ...more })

/** Assistive technology and the browser's own work are spared what has not changed. */
export const setText = (id, text) => {
  const node = element(id)
  if (node.textContent !== text) node.textContent = text
}

const alarm = (id, isAlarming) => element(id).classList.toggle("alarming", isAlarming)

export const setStatus = (status) => {
  setText("status", status)
  element("status").dataset.status = status
  document.body.classList.toggle("stale", status === "disconnected")
}

/** Each trouble is [text, whether it is bad rather than worth knowing]. */
export const setTroubles = (troubles) => {
  const list = element("troubles")
  const wanted = JSON.stringify(troubles)
  if (list.dataset.shown === wanted) return
  list.dataset.shown = wanted
  list.replaceChildren(
    ...troubles.map(([text, isBad]) => make("li", text, { className: isBad ? "bad" : "" })),
  )
}

/** The hold of a table has its name in front. */
const heldText = (reason) => {
  const [, table, sentence] = /^(\w+): (.*)$/.exec(reason) ?? []
  return table ? `Writes of ${table} are held. ${sentence}` : `Writes are held. ${reason}`
}

const troublesOf = ({ health }) => [
  ...(health.redis === "down" ? [["Redis cannot be used: no write is accepted.", true]] : []),
  ...(health.postgres === "down"
    ? [["PostgreSQL cannot be used: nothing can be read, and writes wait.", true]]
    : []),
  ...(health.worker_active === false
    ? [["No worker is alive: writes wait until one is started.", true]]
    : []),
  ...(health.held ?? []).map((reason) => [heldText(reason), true]),
  ...(health.paused ? [["Paused by an operator: writes are accepted and wait.", true]] : []),
  ...(health.warnings ?? []).map((warning) => [warning, false]),
]

const FIGURES = {
  depth: "queue_depth",
  "in-flight": "in_flight",
  workers: "workers",
  dead: "dead_letters",
  failed: "writes_failed",
  queued: "writes_queued",
  processed: "writes_processed",
  coalesced: "writes_coalesced",
  redelivered: "redelivered",
  discarded: "writes_discarded",
  purged: "writes_purged",
}

const showStats = (stats) => {
  for (const [id, name] of Object.entries(FIGURES)) setText(id, count(stats?.[name]))
  setText("age", duration(stats?.oldest_age_seconds))
  const parked = parkedIn(stats?.parked)
  setText("parked", parked === 0 ? "" : `${count(parked)} set aside`)
  alarm("workers", stats?.workers === 0)
  alarm("dead", stats?.dead_letters > 0)
  setText("since", stats?.since ? `since ${moment(stats.since)}` : "")
}

const showWindows = (windows) => {
  const sum = Object.values(windows ?? {}).reduce((all, one) => all + one, 0)
  for (const name of ["Full", "Asked", "Quiet", "Elapsed"]) {
    const share = sum === 0 ? 0 : windows[name] / sum
    setText(`window-${name}`, count(windows?.[name]))
    element(`share-${name}`).value = share
  }
}

const showWorker = (item, { id, isAlive, until, held }) => {
  const state = isAlive ? (held === "" ? "alive" : "holds") : `silent since ${clock(until)}`
  const isWell = isAlive && held === ""
  item.replaceChildren(
    make("code", id),
    make("span", state, { className: isWell ? "" : "alarming" }),
    ...held
      .split("\n")
      .filter((reason) => reason !== "")
      .map((reason) => make("span", reason, { className: "note" })),
  )
}

const showWorkers = (workers = []) => {
  fill(
    element("workers-list"),
    // A deadline that moves with each heartbeat is not shown.
    workers.map(({ until, ...worker }) => (worker.isAlive ? worker : { ...worker, until })),
    { keyOf: ({ id }) => id, show: showWorker, otherwise: document.body },
  )
  element("workers-none").hidden = workers.length > 0
}

export const show = (event) => {
  const { health, stats, windows, workers, build } = event
  setStatus(health.status)
  document.title = `${health.status === "healthy" ? "" : "(!) "}${count(stats?.queue_depth)} waiting – write-buffer`
  setText("build", build ?? "")
  showStats(stats)
  showWindows(windows)
  showWorkers(workers)
  setText("working", health.paused ? "paused" : health.held ? "writes are held" : "alive")
  for (const store of ["postgres", "redis"]) {
    setText(store, health[store])
    alarm(store, health[store] === "down")
  }
  setText("durability", health.durability)
  setTroubles(troublesOf(event))
}
