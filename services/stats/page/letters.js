/**
 * Dead letters: a page of them, how many died for which reason, and what is done with one or with all of a
 * filter. All are those that were there when they were counted: what came later stays.
 */

import { attempt, call, callUntilDone } from "./call.js"
import { count, many, moment } from "./format.js"
import { fill } from "./list.js"
import { ask } from "./question.js"
import { columnsOf, makeRecord } from "./record.js"
import { element, make, setText } from "./show.js"

const PAGE = 20

/** What is looked at: of which reason (null: any), with what in the key, from which page on. */
let reason = null
let key = ""
/** Where each page up to this one begins. */
let starts = [0]
let next = null

/** What was found when they were counted. */
let found = { count: 0, total: 0, newest: null }
let asked = 0

const query = (more) => {
  const all = { ...more, ...(reason !== null && { reason }), ...(key !== "" && { key }) }
  return new URLSearchParams(all).toString()
}

const button = (text, name, work, className = "") => {
  const made = make("button", text, { type: "button", className, onclick: () => attempt(work) })
  made.setAttribute("aria-label", `${text} the dead letter of ${name}`)
  made.dataset.action = text
  return made
}

const showLetter = (item, letter) => {
  const { version, reason: why, sqlstate, at, key: name, ...content } = letter
  const state = sqlstate && !why.includes(sqlstate) ? ` (SQLSTATE ${sqlstate})` : ""
  const record = makeRecord(
    [["key", name ?? "none"], ...columnsOf(content)],
    [
      ["reason", why + state],
      ["buried", moment(at)],
      ["version", String(version)],
    ],
  )
  // A letter that was replayed and died again has other words, and the buttons that it had.
  const buttons = item.querySelector(".buttons")
  if (buttons) return item.querySelector("dl").replaceWith(record)
  const shown = name ?? "no key"
  const made = make("div", "", { className: "buttons" })
  made.append(
    button("Replay", shown, () => moveOne("replay", version)),
    button("Discard", shown, () => moveOne("discard", version), "danger"),
  )
  item.append(record, made)
}

/** Calls for the counts until all are counted. The groups are of all reasons, whichever is looked at. */
const countReasons = async () => {
  const counts = new Map()
  let others = 0
  let answer = { next: 0 }
  while (answer.next !== null) {
    const parameters = new URLSearchParams({ after: answer.next, ...(key !== "" && { key }) })
    answer = await call("GET", `dead/reasons?${parameters}`)
    for (const group of answer.reasons) {
      counts.set(group.reason, (counts.get(group.reason) ?? 0) + group.writes)
    }
    others += answer.others
  }
  const sum = [...counts.values()].reduce((all, one) => all + one, others)
  return { counts, sum, total: answer.total, newest: answer.newest }
}

const showReason = (item, { text, writes, isChosen }) => {
  const choose = item.querySelector("button") ?? make("button", "", { type: "button" })
  choose.replaceChildren(make("b", count(writes)), make("span", text ?? "all reasons"))
  choose.setAttribute("aria-pressed", String(isChosen))
  choose.onclick = () =>
    attempt(async () => {
      reason = text
      await listLetters()
    })
  if (!choose.isConnected) item.append(choose)
}

const showReasons = ({ counts, sum }) => {
  const groups = [...counts].sort((one, other) => other[1] - one[1])
  const items = [[null, sum], ...groups].map(([text, writes]) => ({
    ...{ text, writes },
    isChosen: text === reason,
  }))
  fill(element("reasons"), items, {
    keyOf: ({ text }) => JSON.stringify(text),
    show: showReason,
    otherwise: element("refresh"),
  })
  element("reasons").hidden = sum === 0
}

const showPager = (shown) => {
  const before = (starts.length - 1) * PAGE
  const range = shown === 0 ? "none" : `${count(before + 1)} to ${count(before + shown)}`
  setText("letters-count", `${range} of ${many(found.count, "dead letter")}, the oldest first`)
  if (found.count === 0) setText("letters-count", found.total === 0 ? "none" : "none of these")
  element("previous").disabled = starts.length === 1
  element("next").disabled = next === null || before + shown >= found.count
  element("pager").hidden = found.count <= PAGE && starts.length === 1
  for (const [id, verb] of [
    ["replay-all", "Replay"],
    ["discard-all", "Discard"],
  ]) {
    element(id).disabled = found.count === 0
    setText(id, found.count === 0 ? `${verb} all …` : `${verb} all ${count(found.count)} …`)
  }
}

/** A page in as many calls as it takes to find so many that match. */
const pageFrom = async (start) => {
  const dead = []
  let after = start
  while (after !== null && dead.length < PAGE) {
    const answer = await call("GET", `dead?${query({ limit: PAGE - dead.length, after })}`)
    dead.push(...answer.dead)
    after = answer.next
  }
  return { dead, after }
}

/** Shows the page that begins where the last of `pages` does; the first one without any. */
export const listLetters = async (pages = [0]) => {
  const mine = ++asked
  const [page, groups] = await Promise.all([pageFrom(pages.at(-1)), countReasons()])
  // An answer that was overtaken would show what was.
  if (mine !== asked) return
  const chosen = reason === null ? groups.sum : groups.counts.get(reason)
  if (chosen === undefined || (page.dead.length === 0 && pages.length > 1)) {
    // The last one of this reason, or of this page, is gone.
    if (chosen === undefined) reason = null
    return await listLetters()
  }
  starts = pages
  next = page.after
  found = { count: chosen, total: groups.total, newest: groups.newest }
  fill(element("letters"), page.dead, {
    keyOf: ({ version }) => version,
    show: showLetter,
    otherwise: element("refresh"),
  })
  showReasons(groups)
  showPager(page.dead.length)
  setText("letters-news", "")
}

const AGAIN = "That dead letter is gone: somebody else has replayed or discarded it."
const PATHS = { replay: ["POST", "dead/replay"], discard: ["DELETE", "dead"] }

const move = async (action, selection) => {
  const { missing, ...answer } = await callUntilDone(...PATHS[action], selection, `${action}ed`)
  await listLetters(starts)
  if (missing.length > 0) return AGAIN
  return action === "replay"
    ? `${count(answer.replayed)} replayed: back in the queue, with the versions they had.`
    : `${count(answer.discarded)} discarded.`
}

const QUESTIONS = {
  replay: [
    (what) => `Replay ${what}?`,
    "Those that PostgreSQL still cannot store are buried again.",
    "Replay",
  ],
  discard: [
    (what) => `Discard ${what} for good?`,
    "Gone for good, and counted as failed. What was buried since you looked stays.",
    "Discard",
  ],
}

const moveOne = async (action, version) => {
  if (action === "discard") {
    const text = "It is gone for good, and stays counted as failed."
    if (!(await ask("Discard this dead letter?", text, "Discard"))) return undefined
  }
  return await move(action, { versions: [version] })
}

export const moveAll = async (action) => {
  const { count: most, newest: until } = found
  const [title, text, yes] = QUESTIONS[action]
  if (!(await ask(title(many(most, "dead letter")), text, yes))) return undefined
  const filter = { ...(reason !== null && { reason }), ...(key !== "" && { key }) }
  return await move(action, { all: true, ...filter, most, until })
}

export const filterBy = async (text) => {
  key = text
  await listLetters()
}

export const turn = async (forward) => {
  await listLetters(forward ? [...starts, next] : starts.slice(0, -1))
}

export const refreshLetters = () => listLetters(starts)

export const clearLetters = () => {
  for (const id of ["letters", "reasons"]) element(id).replaceChildren()
  reason = null
  key = ""
}

/** The list does not change by itself, under the hand of who works in it; but it says that it is old. */
export const showNews = (total) => {
  if (total === undefined) return
  const text = `There are ${many(total, "dead letter")} now.`
  setText("letters-news", total === found.total ? "" : text)
}
