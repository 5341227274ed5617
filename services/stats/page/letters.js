/**
 * Dead letters: a page of them, and what is done with one or with all of a filter. All are those that were
 * there when they were counted, by the filter of the list that is shown: what came later stays.
 */

import { attempt, call, callUntilDone } from "./call.js"
import { count, many, moment } from "./format.js"
import { fill } from "./list.js"
import { ask } from "./question.js"
import { countReasons, showReasons } from "./reasons.js"
import { entriesOf, makeRecord, note } from "./record.js"
import { element, make, setText } from "./show.js"

const PAGE = 20

/** Letters of this reason (null: of any), with this in the key, of this table ("": of any). */
const ANY = { reason: null, key: "", table: "" }
const NONE = { filter: ANY, pages: [0], next: null, count: 0, total: 0, newest: null }

/** The filter and the pages up to the wanted one, as asked for last; its answer may be yet to come. */
let asked = { filter: ANY, pages: [0] }
/** What the answer that is on the page was to, and found. Whatever is done with all is done with these. */
let shown = NONE

const narrowing = ({ reason, key, table }) => ({
  ...(reason !== null && { reason }),
  ...(key !== "" && { key }),
  ...(table !== "" && { table }),
})

const button = (text, name, work, className = "") => {
  const made = make("button", text, { type: "button", className, onclick: () => attempt(work) })
  made.setAttribute("aria-label", `${text} the dead letter of ${name}`)
  made.dataset.action = text
  return made
}

const showLetter = (item, letter) => {
  const { version, reason: why, sqlstate, at, key, table } = letter
  const state = sqlstate && !why.includes(sqlstate) ? ` (SQLSTATE ${sqlstate})` : ""
  const known = [
    note("reason", why + state),
    note("buried", moment(at)),
    note("version", String(version)),
  ]
  const record = makeRecord([...entriesOf(letter), ...known])
  // A letter that was replayed and died again has other words, and the buttons that it had.
  const buttons = item.querySelector(".buttons")
  if (buttons) return item.querySelector("dl").replaceWith(record)
  const label = key ?? `${table === null ? "no table" : table}, version ${version}`
  const made = make("div", "", { className: "buttons" })
  made.append(
    button("Replay", label, () => moveOne("replay", version, label)),
    button("Discard", label, () => moveOne("discard", version, label), "danger"),
  )
  item.append(record, made)
}

/** Nothing is done with all of them while it is unknown how many that are. The focus is not lost by it. */
const enableAll = (enabled) => {
  for (const button of [element("replay-all"), element("discard-all")]) {
    const hadFocus = document.activeElement === button
    button.disabled = !enabled
    if (hadFocus && !enabled) element("refresh").focus()
  }
}

const showPager = (length) => {
  const { pages, next, count: found, total } = shown
  const before = (pages.length - 1) * PAGE
  const range = length === 0 ? "none" : `${count(before + 1)} to ${count(before + length)}`
  setText("letters-count", `${range} of ${many(found, "dead letter")}, the oldest first`)
  if (found === 0) setText("letters-count", total === 0 ? "none" : "none of these")
  element("previous").disabled = pages.length === 1
  element("next").disabled = next === null || before + length >= found
  element("pager").hidden = found <= PAGE && pages.length === 1
  for (const [id, verb] of [
    ["replay-all", "Replay"],
    ["discard-all", "Discard"],
  ]) {
    setText(id, found === 0 ? `${verb} all …` : `${verb} all ${count(found)} …`)
  }
}

/** A page in as many calls as it takes to find so many that match. */
const pageFrom = async (start, filter) => {
  const dead = []
  let after = start
  while (after !== null && dead.length < PAGE) {
    const limit = PAGE - dead.length
    const query = new URLSearchParams({ limit, after, ...narrowing(filter) })
    const answer = await call("GET", `dead?${query}`)
    dead.push(...answer.dead)
    after = answer.next
  }
  return { dead, after }
}

/** Offers the tables that were seen, for the filter. */
const offerTables = (dead) => {
  const list = element("tables")
  const known = new Set([...list.options].map(({ value }) => value))
  for (const table of new Set(dead.map((letter) => letter.table))) {
    if (table !== null && !known.has(table)) list.append(make("option", "", { value: table }))
  }
}

const choose = (reason) => attempt(() => listLetters({ ...asked.filter, reason }))

/** Shows the page that begins where the last of `pages` does; the first one without any. */
export const listLetters = async (filter = ANY, pages = [0]) => {
  const mine = { filter, pages }
  asked = mine
  enableAll(false)
  try {
    const counting = countReasons(narrowing({ ...filter, reason: null }))
    const [page, groups] = await Promise.all([pageFrom(pages.at(-1), filter), counting])
    // An answer that was overtaken would show what was.
    if (asked !== mine) return
    const found = filter.reason === null ? groups.sum : groups.counts.get(filter.reason)
    // The last one of this reason, or of this page, is gone.
    if (found === undefined) return await listLetters({ ...filter, reason: null })
    if (page.dead.length === 0 && pages.length > 1) return await listLetters(filter)
    const { total, newest } = groups
    shown = { filter, pages, next: page.after, count: found, total, newest }
    fill(element("letters"), page.dead, {
      keyOf: ({ version }) => version,
      show: showLetter,
      otherwise: element("refresh"),
    })
    offerTables(page.dead)
    showReasons(groups, filter.reason, choose)
    showPager(page.dead.length)
    setText("letters-news", "")
  } finally {
    if (asked === mine) enableAll(shown.count > 0)
  }
}

export const refreshLetters = () => listLetters(asked.filter, asked.pages)

const AGAIN = "That dead letter is gone: somebody else has replayed or discarded it."
const PATHS = { replay: ["POST", "dead/replay"], discard: ["DELETE", "dead"] }

const move = async (action, selection) => {
  const { missing, ...answer } = await callUntilDone(...PATHS[action], selection, `${action}ed`)
  await refreshLetters()
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

/** A question shows that much of a key or a reason, which may be much longer. */
const NAME_MAX_LENGTH = 120

const cut = (name) =>
  name.length > NAME_MAX_LENGTH ? `${name.slice(0, NAME_MAX_LENGTH).toWellFormed()}…` : name

const moveOne = async (action, version, label) => {
  if (action === "discard") {
    const title = `Discard the dead letter of ${cut(label)}?`
    const text = "It is gone for good, and stays counted as failed."
    if (!(await ask(title, text, "Discard"))) return undefined
  }
  return await move(action, { versions: [version] })
}

const which = ({ reason, key, table }) => [
  ...(table === "" ? [] : [`Their table: ${cut(table)}. `]),
  ...(reason === null ? [] : [`Their reason: ${cut(reason)}. `]),
  ...(key === "" ? [] : [`Their key contains: ${cut(key)}. `]),
]

export const moveAll = async (action) => {
  // Another list may be shown by the time the question is answered.
  const { filter, count: most, newest: until } = shown
  const [title, text, yes] = QUESTIONS[action]
  const all = which(filter).join("") + text
  if (!(await ask(title(many(most, "dead letter")), all, yes))) return undefined
  return await move(action, { all: true, ...narrowing(filter), most, until })
}

export const filterBy = ({ key, table }) => listLetters({ ...asked.filter, key, table })

export const turn = ({ forward }) => {
  const { filter, pages, next } = shown
  return listLetters(filter, forward ? [...pages, next] : pages.slice(0, -1))
}

export const clearLetters = () => {
  for (const id of ["letters", "reasons", "tables"]) element(id).replaceChildren()
  asked = { filter: ANY, pages: [0] }
  shown = NONE
}

/** The list does not change by itself, under the hand of who works in it; but it says that it is old. */
export const showNews = (total) => {
  if (total === undefined) return
  const text = `There are ${many(total, "dead letter")} now.`
  setText("letters-news", total === shown.total ? "" : text)
}
