/**
 * Answers for people: rows as a table, figures as lines, and nothing so long that it floods a terminal; but
 * reasons as they are, to be passed on.
 */
import type { Answer } from "./call.ts"

/** Longer texts are cut; `--json` has all of it. */
const CELL_MAX_LENGTH = 60

const cut = (value: unknown): unknown =>
  typeof value === "string" && value.length > CELL_MAX_LENGTH
    ? `${value.slice(0, CELL_MAX_LENGTH).toWellFormed()}… (${value.length.toLocaleString("en")})`
    : value

/** A write or a dead letter as a row: what it has not is a dash, and a deletion says so. */
const cellsOf = ({ deleted, ...row }: Answer) =>
  Object.fromEntries(
    Object.entries({ ...row, ...(deleted && { value: "(deletes the row)" }) }).map(
      ([name, value]) => [name, cut(value ?? "–")],
    ),
  )

/** Of several sentences, or figures with names, each has its own line. */
const text = (value: unknown, indent: number): string => {
  if (Array.isArray(value)) {
    return value.length === 0 ? "no" : value.join(`\n${" ".repeat(indent)}`)
  }
  if (typeof value === "object" && value !== null) {
    const named = Object.entries(value).map(([name, figure]) => `${text(figure, 0)} ${name}`)
    return text(named, indent)
  }
  if (typeof value === "number") return value.toLocaleString("en")
  return value === true ? "yes" : value === false ? "no" : String(value)
}

/** What a terminal would obey rather than show. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}]/gu

const escaped = (unit: string) => `\\u{${unit.codePointAt(0)?.toString(16)}}`

/** Reasons are whole and without quotes: that is what --reason takes. */
const showReasons = (
  reasons: ReadonlyArray<{ readonly writes: number; readonly reason: string }>,
) => {
  const rows = reasons.map(({ writes, reason }) => [writes.toLocaleString("en"), reason] as const)
  const width = Math.max(...rows.map(([writes]) => writes.length))
  for (const [writes, reason] of rows) {
    console.log(`${writes.padStart(width)}  ${reason.replace(CONTROL, escaped)}`)
  }
  console.log("")
}

/** Fields that only programs read. */
const UNSHOWN = new Set(["success", "newest", "missing"])

export const show = ({ dead, queue, reasons, shards, ...others }: Answer) => {
  // Those of the statistics, or how many there are.
  const lists = Array.isArray(shards) ? shards : undefined
  const rest = lists || shards === undefined ? others : { ...others, shards }
  const rows: ReadonlyArray<Answer> | undefined = dead ?? queue ?? reasons ?? lists
  if (rows) console.log(rows.length === 0 ? "none" : "")
  if (reasons?.length > 0) showReasons(reasons)
  else if (rows && rows.length > 0) console.table(rows.map(cellsOf))
  const figures = Object.entries(rest).filter(
    ([name, value]) => !UNSHOWN.has(name) && value !== null,
  )
  const width = Math.max(...figures.map(([name]) => name.length))
  for (const [name, value] of figures) {
    console.log(`${name.padEnd(width)}  ${text(value, width + 2)}`)
  }
}
