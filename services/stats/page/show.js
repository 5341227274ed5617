/** One event as text on the page. Only ever as text: nothing that came from outside becomes markup. */

const element = (id) => document.getElementById(id)

const whole = new Intl.NumberFormat("en")
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 })

export const count = (figure) => (figure === undefined ? "–" : whole.format(figure))

/** Below a hundred a second the tenths matter. */
export const rate = (figure) =>
  figure === null
    ? "–"
    : figure > 0 && figure < 100
      ? tenths.format(figure)
      : count(Math.round(figure))

export const duration = (seconds) => {
  if (seconds === undefined) return "–"
  if (seconds < 60) return `${tenths.format(seconds)} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  return `${whole.format(Math.floor(seconds / 3_600))} h ${Math.floor((seconds % 3_600) / 60)} min`
}

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
    ...troubles.map(([text, isBad]) => {
      const item = document.createElement("li")
      item.textContent = text
      item.classList.toggle("bad", isBad)
      return item
    }),
  )
}

export const troublesOf = ({ health, stats, alertDepth }) => [
  ...(health.redis === "down" ? [["Redis does not answer: no write is accepted.", true]] : []),
  ...(health.postgres === "down"
    ? [["PostgreSQL does not answer: nothing can be read, and writes wait.", true]]
    : []),
  ...(stats?.workers === 0
    ? [["No worker is alive: writes wait until one is started.", true]]
    : []),
  ...(health.held ?? []).map((reason) => [`Writes are held. ${reason}`, true]),
  ...(stats?.queue_depth > alertDepth
    ? [[`More than ${count(alertDepth)} writes wait.`, false]]
    : []),
  ...(health.warnings ?? []).map((warning) => [warning, false]),
]

const showStats = (stats) => {
  setText("depth", count(stats?.queue_depth))
  setText("in-flight", count(stats?.in_flight))
  setText("age", duration(stats?.oldest_age_seconds))
  setText("workers", count(stats?.workers))
  alarm("workers", stats?.workers === 0)
  setText("dead", count(stats?.dead_letters))
  alarm("dead", stats?.dead_letters > 0)
  setText("failed", count(stats?.writes_failed))
  setText("queued", count(stats?.writes_queued))
  setText("processed", count(stats?.writes_processed))
  setText("coalesced", count(stats?.writes_coalesced))
  setText("redelivered", count(stats?.redelivered))
  setText("discarded", count(stats?.writes_discarded))
  setText("purged", count(stats?.writes_purged))
  setText("since", stats?.since ? `since ${new Date(stats.since).toLocaleString()}` : "")
}

const showWindows = (windows) => {
  const sum = Object.values(windows ?? {}).reduce((all, one) => all + one, 0)
  for (const name of ["Full", "Quiet", "Elapsed"]) {
    const share = sum === 0 ? 0 : windows[name] / sum
    setText(`window-${name}`, count(windows?.[name]))
    element(`share-${name}`).value = share
  }
}

export const show = (event) => {
  const { health, stats, windows, isPaused } = event
  setStatus(health.status)
  document.title = `${health.status === "healthy" ? "" : "(!) "}${count(stats?.queue_depth)} waiting – write-buffer`
  showStats(stats)
  showWindows(windows)
  setText("working", isPaused ? "paused" : health.held ? "writes are held" : "alive")
  for (const store of ["postgres", "redis"]) {
    setText(store, health[store])
    alarm(store, health[store] === "down")
  }
  setText("durability", health.durability)
  setTroubles(troublesOf(event))
}
