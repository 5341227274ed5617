/**
 * One line on standard output for each event: JSON, or text for people (LOG_FORMAT=pretty). Callers
 * name what happened and give figures; never a key, a value, a URL or an error object that holds one.
 */
import type { Config } from "./config.ts"
import { print } from "./output.ts"

const LEVELS = ["debug", "info", "warn", "error", "silent"] as const
export type Level = Exclude<(typeof LEVELS)[number], "silent">
export type Fields = Readonly<Record<string, string | number | boolean | null>>
export type Log = (level: Level, message: string, fields?: Fields) => void

const pretty = (at: string, level: string, message: string, fields: Fields) =>
  [
    at.slice(11, 23),
    level.padEnd(5),
    message,
    ...Object.entries(fields).map(([name, value]) => `${name}=${value}`),
  ].join(" ")

/** The log of one process. `service` is in every JSON line. */
export const makeLog = (
  service: string,
  { LOG_LEVEL, LOG_FORMAT }: Pick<Config, "LOG_LEVEL" | "LOG_FORMAT">,
): Log => {
  const lowest = LEVELS.indexOf(LOG_LEVEL)
  return (level, message, fields = {}) => {
    if (LEVELS.indexOf(level) < lowest) return
    const at = new Date().toISOString()
    const line =
      LOG_FORMAT === "pretty"
        ? pretty(at, level, message, fields)
        : JSON.stringify({ at, level, service, message, ...fields })
    print(`${line}\n`)
  }
}

/** How often one message may be repeated: an outage fails thousands of requests a second, all alike. */
const REPEAT_MILLIS = 1_000

/** The same log for what a request can cause; the line says how many it stands for. */
export const makeSparingLog = (log: Log): Log => {
  const latest = new Map<string, { at: number; omitted: number }>()
  return (level, message, fields) => {
    const now = performance.now()
    const seen = latest.get(message)
    if (seen && now - seen.at < REPEAT_MILLIS) {
      seen.omitted += 1
      return
    }
    latest.set(message, { at: now, omitted: 0 })
    log(level, message, seen?.omitted ? { ...fields, omitted: seen.omitted } : fields)
  }
}
