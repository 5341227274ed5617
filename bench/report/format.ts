/** Figures for people: three digits that mean something, and a unit. "–" is what was not measured. */
import type { Spread } from "../statistics.ts"

export const NOTHING = "–"

const digits = (exact: number): string => {
  // 0.15 * 100 is 15 and a little.
  const number = Number(exact.toPrecision(12))
  const size = Math.abs(number)
  if (size >= 1_000) return Math.round(number).toLocaleString("en-US")
  return number.toFixed(size >= 100 || Number.isInteger(number) ? 0 : size >= 10 ? 1 : 2)
}

export type Format = (number: number | null) => string

const or = (format: (number: number) => string): Format => {
  return (number) => (number === null || !Number.isFinite(number) ? NOTHING : format(number))
}

export const plain = or(digits)
const short = new Intl.NumberFormat("en", { notation: "compact" })
/** For a place where there is no room for more. */
export const compact = or((number) => short.format(number).replace("K", "k"))
export const perSecond = or((number) => `${digits(number)}/s`)
export const millis = or((number) =>
  number >= 1_000 ? `${digits(number / 1_000)} s` : `${digits(number)} ms`,
)
export const micros = or((number) => `${digits(number)} µs`)
export const seconds = or((number) => `${digits(number)} s`)
export const percent = or((number) => `${digits(number * 100)} %`)
export const factor = or((number) =>
  number < 0.1 ? `× ${Number(number.toPrecision(2))}` : `× ${digits(number)}`,
)

const UNITS = ["B", "KiB", "MiB", "GiB"]
const STEP = 1_024

export const bytes = or((number) => {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(number) / 10)))
  return `${digits(number / STEP ** power)} ${UNITS[power]}`
})

/** "1.23 ms (1.1 ms–1.4 ms)" without repeating the unit; one round has no spread. */
export const withSpread = (spread: Spread | null, format: Format): string => {
  if (spread === null) return NOTHING
  const shown = format(spread.median)
  if (spread.count === 1 || spread.min === spread.max) return shown
  const unit = / ?\D*$/.exec(format(spread.max))?.[0] ?? ""
  const low = format(spread.min)
  const high = format(spread.max)
  const short = low.endsWith(unit) && unit !== "" ? low.slice(0, -unit.length) : low
  return `${shown} (${short}–${high})`
}
