/** The writes that wait, the oldest first; purging them; and the pause that keeps workers from them. */

import { call, callUntilDone } from "./call.js"
import { count, many, moment, parkedIn } from "./format.js"
import { fill } from "./list.js"
import { ask } from "./question.js"
import { entriesOf, makeRecord, note } from "./record.js"
import { element, setText } from "./show.js"

const SHOWN_MAX = 10

/** How many lists were asked for, or given up: the answer to any but the last is not shown. */
let asked = 0

/** A version is the microsecond in which the write was accepted, or one shortly after. */
const acceptedAt = (version) => (version > 1e15 ? moment(version / 1_000) : "–")

/** A lot is a table, or a table and its column. */
const waitsFor = (lot) => {
  const [table, column] = lot.split(".")
  return column ? `for the column ${column} of ${table}` : `for the table ${table}`
}

const showWrite = (item, write) => {
  const { version, parked } = write
  const known = [
    ...(parked ? [note("set aside", waitsFor(parked))] : []),
    ...(version ? [note("accepted", acceptedAt(version)), note("version", String(version))] : []),
  ]
  item.replaceChildren(makeRecord([...entriesOf(write), ...known]))
}

const countText = (shown, lots) => {
  const parked = parkedIn(lots)
  if (shown === 0) return "none"
  return parked === 0
    ? `the oldest ${count(shown)}`
    : `${count(shown)} of the oldest · ${count(parked)} set aside`
}

export const listWaiting = async () => {
  const mine = ++asked
  const { queue, parked } = await call("GET", `queue?limit=${SHOWN_MAX}`)
  if (mine !== asked) return
  fill(element("waiting"), queue, {
    // A foreign push has no version yet; there may be several of the same.
    keyOf: (write) => write.version ?? JSON.stringify(write),
    show: showWrite,
    otherwise: element("refresh-waiting"),
  })
  setText("waiting-count", countText(queue.length, parked))
}

export const clearWaiting = () => {
  asked += 1
  element("waiting").replaceChildren()
}

export const purge = async ({ queue_depth: depth = 0, parked } = {}) => {
  if (depth === 0) return "Nothing waits."
  const apart = parkedIn(parked)
  const among = apart === 0 ? "" : `${count(apart)} of them are set aside. `
  const text = `${among}They were accepted and will never be applied. They count as failed.`
  if (!(await ask(`Throw ${many(depth, "waiting write")} away?`, text, "Purge"))) return undefined
  const body = { confirm: String(depth) }
  const { purged } = await callUntilDone("DELETE", "queue", body, "purged")
  await listWaiting()
  return `${count(purged)} purged.`
}

const SAID = { pause: "Paused: writes are accepted and wait.", resume: "Resumed." }

export const mark = async (action) => {
  await call("POST", `worker/${action}`)
  return SAID[action]
}

/** The button for the other of the two appears; it gets the focus that this one had. */
export const showPaused = (isPaused) => {
  const [pause, resume] = [element("pause"), element("resume")]
  const hadFocus = [pause, resume].includes(document.activeElement)
  pause.hidden = isPaused
  resume.hidden = !isPaused
  if (hadFocus) (isPaused ? resume : pause).focus()
}
