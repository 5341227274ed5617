/** A write or a dead letter with a label for each of its columns, whatever the table is. */

import { count } from "./format.js"
import { make } from "./show.js"

/** A text that is longer scrolls, and then the keyboard must reach it. */
const SCROLLS_LENGTH = 240

const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** Indents JSON as it stands: numbers keep all their digits, some of which parsing would lose. */
const indent = (text) => {
  const tokens = text.match(TOKENS)
  let depth = 0
  let indented = ""
  const newLine = () => `\n${"  ".repeat(depth)}`
  for (const [index, token] of tokens.entries()) {
    const isEmpty = /^[[{]$/.test(tokens[index - 1] ?? "")
    if (/^[\]}]$/.test(token)) {
      depth -= 1
      indented += isEmpty ? token : newLine() + token
      continue
    }
    if (isEmpty) indented += newLine()
    indented += token === ":" ? ": " : token
    if (token === ",") indented += newLine()
    if (/^[[{]$/.test(token)) depth += 1
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

export const columnsOf = (content) => Object.entries(content).map(textOf)

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
