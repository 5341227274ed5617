/** A write or a dead letter as labels and texts, whatever its table is. */

import { count } from "./format.js"
import { make } from "./show.js"

/** A text that is longer, or has more lines, scrolls, and then the keyboard must reach it. */
const SCROLLS_LENGTH = 240
const SCROLLS_LINES = 5

const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** What is nested deeper, or gets longer by its indents, is no easier to read by them. */
const DEPTH_MAX = 50
const INDENTED_MAX_LENGTH = 256 * 1024

/**
 * Indents JSON as it stands: numbers keep all their digits, some of which parsing would lose. Past the two
 * limits it is left as it came: indents of a client's nested value could grow to more than a text can be.
 */
const indent = (text) => {
  let depth = 0
  let indented = ""
  let before = ""
  const newLine = () => `\n${"  ".repeat(depth)}`
  for (const [token] of text.matchAll(TOKENS)) {
    const isEmpty = /^[[{]$/.test(before)
    before = token
    if (/^[\]}]$/.test(token)) {
      depth -= 1
      indented += isEmpty ? token : newLine() + token
    } else {
      if (isEmpty) indented += newLine()
      indented += token === ":" ? ": " : token
      if (token === ",") indented += newLine()
      if (/^[[{]$/.test(token)) depth += 1
    }
    if (depth > DEPTH_MAX || indented.length > INDENTED_MAX_LENGTH) return text
  }
  return indented
}

const isJson = (text) => {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** What is known about a write, in our words. */
export const note = (label, text) => ({ label, text, isOurs: true })

/** What a client sent, as it came. */
const sent = (label, text) =>
  isJson(text) ? { label: `${label} (JSON)`, text: indent(text) } : { label, text }

/** What was written: the table, and of its row the key and the rest, where it has them. */
export const entriesOf = ({ table, key, value, deleted, unreadable }) => {
  if (unreadable !== undefined) return [sent("unreadable", unreadable)]
  return [
    note("table", table ?? "–"),
    key === null ? note("key", "–") : { label: "key", text: key },
    deleted ? note("value", "none: deletes the row") : sent("value", value),
  ]
}

const makeCode = (label, text) => {
  const code = make("code", text)
  if (text.length > SCROLLS_LENGTH || text.split("\n").length > SCROLLS_LINES) {
    code.tabIndex = 0
    code.setAttribute("role", "region")
    code.setAttribute("aria-label", `${label}, ${count(text.length)} characters`)
  }
  return code
}

export const makeRecord = (entries) => {
  const list = make("dl", "", { className: "record" })
  for (const { label, text, isOurs } of entries) {
    const shown = make("dd", isOurs ? text : "", {
      className: isOurs ? label.replaceAll(" ", "-") : "",
    })
    if (!isOurs) shown.append(makeCode(label, text))
    list.append(make("dt", label), shown)
  }
  return list
}
