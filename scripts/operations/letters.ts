/**
 * Replay and discard, of the versions that are named, or of `--all`. The latter counts first and moves no more
 * than it counted: it asks the operator whether so many are meant, or without a terminal wants --confirm.
 */
import process from "node:process"
import { createInterface } from "node:readline/promises"
import { type Answer, call, callUntilDone } from "./call.ts"
import { UsageError } from "./usage.ts"

export interface Filter {
  readonly reason?: string
  readonly key?: string
  readonly table?: string
}

export const queryOf = (parameters: object) => {
  const query = new URLSearchParams(parameters as Record<string, string>)
  return query.size > 0 ? `?${query}` : ""
}

const numberOf = (name: string, text: string) => {
  if (!/^[1-9]\d{0,15}$/.test(text)) throw new UsageError(`${text} is no ${name}`)
  return Number(text)
}

/** How many dead letters each reason has, and the newest one counted; in as many calls as that takes. */
export const countReasons = async (filter: Filter): Promise<Answer> => {
  const writes = new Map<string, number>()
  let others = 0
  let answer: Answer = { next: 0 }
  while (answer.next !== null) {
    const query = queryOf({ ...filter, after: answer.next })
    answer = await call({ method: "GET", path: `dead/reasons${query}` })
    for (const found of answer.reasons) {
      writes.set(found.reason, (writes.get(found.reason) ?? 0) + found.writes)
    }
    others += answer.others
  }
  const reasons = [...writes]
    .map(([text, count]) => ({ writes: count, reason: text }))
    .sort((one, other) => other.writes - one.writes)
  return { ...answer, reasons, others }
}

const isMeant = async (question: string) => {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const text = await terminal.question(`${question} [y/N] `)
  terminal.close()
  return /^y(es)?$/i.test(text.trim())
}

/** How many of the dead letters found are to be moved; 0 when the operator says no. */
const confirmed = async (verb: string, found: number, confirm: string | undefined) => {
  const noun = `${found.toLocaleString("en")} dead letter${found === 1 ? "" : "s"}`
  const letters = `${noun} ${found === 1 ? "stands" : "stand"}`
  if (confirm !== undefined) {
    const seen = numberOf("count", confirm)
    if (seen > found) throw new Error(`${letters} now, not ${confirm}: look at them again`)
    return seen
  }
  if (!process.stdin.isTTY) {
    throw new UsageError(`${letters}: --confirm says how many of them you saw`)
  }
  const good = verb === "discard" ? " for good" : ""
  return (await isMeant(`${verb} ${noun}${good}?`)) ? found : 0
}

const selectionOf = async (
  verb: "replay" | "discard",
  { confirm, ...filter }: Filter & { readonly confirm?: string },
) => {
  const { reasons, others, newest } = await countReasons(filter)
  const found = reasons.reduce((sum: number, { writes }: Answer) => sum + writes, others)
  const narrowed = Object.keys(filter)
  if (found === 0 && narrowed.length > 0) {
    throw new Error(`no dead letter has this ${narrowed.join(" and ")}`)
  }
  const most = found === 0 ? 0 : await confirmed(verb, found, confirm)
  return most === 0 ? null : { all: true, ...filter, most, until: newest }
}

/** Without versions all of the filter. The answer says how many were moved; `missing` are versions that no dead letter has. */
export const move = async (
  verb: "replay" | "discard",
  versions: ReadonlyArray<string>,
  options: Filter & { readonly confirm?: string },
): Promise<Answer> => {
  const done = `${verb}ed`
  const selection =
    versions.length === 0
      ? await selectionOf(verb, options)
      : { versions: versions.map((text) => numberOf("version", text)) }
  if (selection === null) return { success: true, [done]: 0 }
  const path = verb === "replay" ? "dead/replay" : "dead"
  const method = verb === "replay" ? "POST" : "DELETE"
  return await callUntilDone({ method, path, body: selection }, done)
}
