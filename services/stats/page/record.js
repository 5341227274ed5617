/** A write or a dead letter with a label for each of its columns, whatever the table is. */

import { count } from "./format.js"
import { make } from "./show.js"

/** A text that is longer scrolls, and then the keyboard must reach it. */
const SCROLLS_LENGTH = 240

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

/** A column as [label, text]. */
const textOf = ([name, value]) => {
  if (typeof value !== "string") return [name, JSON.stringify(value)]
  return isJson(value) ? [`${name} (JSON)`, indent(value)] : [name, value]
}

/** Rows of some tables have no key. */
export const columnsOf = (content) =>
  Object.entries(content)
    .filter(([, value]) => value !== null)
    .map(textOf)

/** What was no write has no table. */
export const tableOf = (table) => (table ? [["table", table]] : [])

const makeCode = (label, text) => {
  const code = make("code", text)
  if (text.length > SCROLLS_LENGTH) {
    code.tabIndex = 0
    code.setAttribute("role", "region")
    code.setAttribute("aria-label", `${label}, ${count(text.length)} characters`)
  }
  return code
}

/** Columns of the table, which are shown as they are, and what is known about them; each a [label, text]. */
export const makeRecord = (columns, known) => {
  const list = make("dl", "", { className: "record" })
  for (const [label, text] of columns) {
    const shown = make("dd", "")
    shown.append(makeCode(label, text))
    list.append(make("dt", label), shown)
  }
  for (const [label, text] of known) {
    list.append(make("dt", label), make("dd", text, { className: label }))
  }
  return list
}
