/** The shapes of a chart: what `draw.js` is given. */
import type { ContenderName } from "../contender.ts"
import type { Spread } from "../statistics.ts"

/** Each has a colour in `page.css`. */
export type Series = ContenderName | "fast" | "service" | "worker" | "redis" | "postgres"

/** How the values of an axis are written; an axis of x in milliseconds is logarithmic. */
type Unit = "count" | "percent" | "micros" | "millis" | "seconds"

interface Line {
  readonly series: Series
  readonly x: ReadonlyArray<number>
  readonly y: ReadonlyArray<number>
  readonly isDashed?: boolean
  /** The surface down to 0 is tinted. */
  readonly isFilled?: boolean
}

export interface Bar {
  /** From the bottom up; a bar of one thing has one part, which is its median. */
  readonly parts: ReadonlyArray<{ readonly series: Series; readonly value: number }>
  readonly value: Spread
  readonly text: string
}

interface Lines {
  /** Says in words what the picture shows, for who does not see it. */
  readonly label: string
  readonly x: Unit
  readonly y: Unit
  readonly lines: ReadonlyArray<Line>
  /** A stretch of x that is tinted, with words at its top. */
  readonly band?: { readonly from: number; readonly to: number; readonly text: string }
  readonly isLow?: boolean
}

interface Bars {
  readonly label: string
  readonly y: Unit
  readonly groups: ReadonlyArray<{ readonly label: string; readonly bars: ReadonlyArray<Bar> }>
}

export interface Chart {
  readonly title: string
  /** How to read it. */
  readonly words: string
  readonly legend: ReadonlyArray<Pick<Line, "series" | "isDashed"> & { readonly text: string }>
  readonly plots: ReadonlyArray<Lines | Bars>
}
