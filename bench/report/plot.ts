/** What all charts of the report have in common: their size, their shape, and bars. */
import { drawBars, frame, type Group, MARGIN, type Series, WIDTH } from "./chart.ts"
import { linear } from "./scale.ts"

export const HEIGHT = 270
export const X = [MARGIN.left, WIDTH - MARGIN.right] as const
export const yOf = (height: number) => [height - MARGIN.bottom, MARGIN.top] as const

/** Room above the highest bar for its figure. */
const HEADROOM = 1.12

export interface Chart {
  readonly title: string
  /** How to read it. */
  readonly words: string
  readonly legend: ReadonlyArray<{
    readonly series: Series
    readonly text: string
    readonly isDashed?: boolean
  }>
  readonly svg: ReadonlyArray<string>
}

export const compact = (value: number): string =>
  value >= 10_000
    ? `${Math.round(value / 1_000)}k`
    : value >= 1_000
      ? `${(value / 1_000).toFixed(1)}k`
      : String(Math.round(value))

const highest = (groups: ReadonlyArray<Group>): number =>
  Math.max(1e-9, ...groups.flatMap(({ bars }) => bars.map(({ value }) => value?.max ?? 0)))

export const bars = (
  label: string,
  groups: ReadonlyArray<Group>,
  yText: (value: number) => string = compact,
): string => {
  const y = linear([0, highest(groups) * HEADROOM], yOf(HEIGHT))
  const plot = { height: HEIGHT, label, x: null, y, xText: String, yText }
  return frame(plot, drawBars(groups, y, HEIGHT))
}
