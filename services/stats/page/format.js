/** Figures, spans and moments as text: one way for each, wherever it stands on the page. */

const whole = new Intl.NumberFormat("en")
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 })

/** Swedish dates are those of ISO 8601, with 24 hours; the time zone is the operator's. */
const moments = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" })
const clocks = new Intl.DateTimeFormat("sv-SE", { timeStyle: "medium" })

export const count = (figure) => (figure === undefined ? "–" : whole.format(figure))

/** Below a hundred a second the tenths matter. */
export const rate = (figure) =>
  figure === null || figure === undefined
    ? "–"
    : figure > 0 && figure < 100
      ? tenths.format(figure)
      : count(Math.round(figure))

export const duration = (seconds) => {
  if (seconds === undefined) return "–"
  if (seconds < 60) return `${tenths.format(seconds)} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  return `${whole.format(Math.floor(seconds / 3_600))} h ${Math.floor((seconds % 3_600) / 60)} min`
}

/** An estimate says no more than it knows. */
export const about = (seconds) => {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  return `${whole.format(Math.round(seconds / 3_600))} h`
}

export const moment = (at) => moments.format(new Date(at))
export const clock = (at) => clocks.format(new Date(at))

/** How many writes are parked in all lots. */
export const parkedIn = (lots = {}) => Object.values(lots).reduce((sum, writes) => sum + writes, 0)

/** `3 dead letters`, `1 dead letter`. */
export const many = (figure, noun) => `${count(figure)} ${noun}${figure === 1 ? "" : "s"}`
