/**
 * What operators do, from the page: with the token that they type in, which is in a variable here and
 * nowhere else. What throws something away or sets much in motion asks first.
 */

import { fill } from "./list.js"
import { ask } from "./question.js"
import { count, setText } from "./show.js"

const element = (id) => document.getElementById(id)

let token = null
let latest = null
let next = 0
let shown = []
let asked = 0

/** Asks the service; what went wrong is thrown as a sentence. */
const call = async (method, path, body) => {
  const response = await fetch(path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Error("The stats service does not answer.")
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(`${answer.title}. ${answer.detail}`)
  return answer
}

const attempt = async (work) => {
  setText("outcome", "")
  try {
    const outcome = await work()
    if (outcome !== undefined) setText("outcome", outcome)
  } catch (error) {
    setText("outcome", error.message)
  }
}

const make = (tag, text, more = {}) =>
  Object.assign(document.createElement(tag), { textContent: text, ...more })

const button = (text, name, work, className = "") => {
  const made = make("button", text, { type: "button", className, onclick: () => attempt(work) })
  made.setAttribute("aria-label", `${text} the dead letter of ${name}`)
  made.dataset.action = text
  return made
}

/** What a letter has beside its reason is shown as it came, whatever the table is. */
const showLetter = (item, { version, reason, sqlstate, at, key, ...content }) => {
  const name = key ?? "no key"
  const when = new Date(at).toLocaleString()
  const buttons = make("div", "", { className: "buttons" })
  buttons.append(
    button("Replay", name, () => replay({ versions: [version] })),
    button("Discard", name, () => discard({ versions: [version] }, "this dead letter"), "danger"),
  )
  // A letter that was replayed and died again has other words, and the buttons that it had.
  const kept = item.querySelector(".buttons") ?? buttons
  const texts = [
    make("b", name),
    make(
      "span",
      `${reason}${sqlstate && !reason.includes(sqlstate) ? ` (${sqlstate})` : ""} · ${when}`,
      { className: "note" },
    ),
    ...Object.values(content).map((text) => make("code", String(text), { tabIndex: 0 })),
  ]
  for (const child of [...item.children]) if (child !== kept) child.remove()
  item.prepend(...texts)
  if (!kept.isConnected) item.append(kept)
}

const list = async (after) => {
  const mine = ++asked
  const page = await call("GET", `/dead?limit=20&after=${after}`)
  // An answer that was overtaken would show what was.
  if (mine !== asked) return
  shown = after === 0 ? page.dead : [...shown, ...page.dead]
  fill(element("letters"), shown, {
    keyOf: ({ version }) => version,
    show: showLetter,
    otherwise: element("refresh"),
  })
  next = page.next
  element("more").hidden = next === null
  setText("letters-count", page.total === 0 ? "none" : `${count(page.total)}, the oldest first`)
  for (const id of ["replay-all", "discard-all"]) element(id).disabled = page.total === 0
}

const replay = async (selection) => {
  const { replayed } = await call("POST", "/dead/replay", selection)
  await list(0)
  return `${count(replayed)} replayed: back in the queue, with the versions they had.`
}

const discard = async (selection, what) => {
  const text = "It is gone for good, and stays counted as failed."
  if (!(await ask(`Discard ${what}?`, text, "Discard"))) return undefined
  const { discarded } = await call("DELETE", "/dead", selection)
  await list(0)
  return `${count(discarded)} discarded.`
}

const replayAll = async () => {
  const text = "Those that PostgreSQL still cannot store are buried again."
  if (!(await ask("Replay all dead letters?", text, "Replay all"))) return undefined
  return await replay({ all: true })
}

const purge = async () => {
  const depth = latest?.stats?.queue_depth ?? 0
  if (depth === 0) return "Nothing waits."
  const text = "They were accepted and will never be applied. They count as failed."
  if (!(await ask(`Throw ${count(depth)} waiting writes away?`, text, "Purge"))) return undefined
  const { purged } = await call("DELETE", "/queue", { confirm: String(depth) })
  return `${count(purged)} purged.`
}

const mark = (action, done) => async () => {
  await call("POST", `/worker/${action}`)
  return done
}

const isUnlocked = (unlocked) => {
  element("unlock").hidden = unlocked
  element("unlocked").hidden = !unlocked
}

const unlock = async (event) => {
  event.preventDefault()
  const input = element("token")
  token = input.value
  input.value = ""
  await attempt(async () => {
    await list(0)
    const hasFocus = element("unlock").contains(document.activeElement)
    isUnlocked(true)
    if (hasFocus) element("refresh").focus()
  })
}

const lock = async () => {
  token = null
  element("letters").replaceChildren()
  isUnlocked(false)
  element("token").focus()
}

const WORK = {
  pause: mark("pause", "Paused: writes are accepted and wait."),
  resume: mark("resume", "Resumed."),
  purge,
  lock,
  refresh: () => list(0),
  more: () => list(next),
  "replay-all": replayAll,
  "discard-all": () => discard({ all: true }, "all dead letters"),
}

element("unlock").onsubmit = unlock
for (const [id, work] of Object.entries(WORK)) element(id).onclick = () => attempt(work)

/** Which of them there are at the moment. */
export const showOperations = (event) => {
  latest = event
  element("operations-off").hidden = event.hasOperations
  if (element("unlocked").hidden) element("unlock").hidden = !event.hasOperations
  element("pause").hidden = event.isPaused === true
  element("resume").hidden = event.isPaused !== true
}
