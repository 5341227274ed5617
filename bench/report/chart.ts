/**
 * Charts as SVG text: lines and bars in a frame with marked axes. Colours are CSS variables of the page,
 * so that a chart follows its light or dark theme. Wide enough for a desktop column, and with letters
 * large enough that they can be read when a phone shrinks it.
 */

import type { Spread } from "../statistics.ts"
import type { Scale } from "./scale.ts"

export const WIDTH = 520

/** What surrounds the plot, for the labels of its axes. */
export const MARGIN = { top: 12, right: 14, bottom: 34, left: 58 }

export type Series = "sync" | "async" | "accept" | "ceiling" | "fast"

export const quote = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")

const place = (number: number): string => number.toFixed(1)

export interface Plot {
  readonly height: number
  /** Says in words what the picture shows, for who does not see it. */
  readonly label: string
  readonly x: Scale | null
  readonly y: Scale
  readonly xText: (value: number) => string
  readonly yText: (value: number) => string
}

/** The frame of a chart: horizontal lines at the marks of y, labels below at those of x. */
export const frame = ({ height, label, x, y, xText, yText }: Plot, content: string): string => {
  const right = WIDTH - MARGIN.right
  const bottom = height - MARGIN.bottom
  const rows = y.marks.map((mark) => {
    const at = place(y.at(mark))
    return (
      `<line class="grid" x1="${MARGIN.left}" x2="${right}" y1="${at}" y2="${at}"/>` +
      `<text class="mark" x="${MARGIN.left - 8}" y="${at}" dy=".35em" text-anchor="end">${quote(yText(mark))}</text>`
    )
  })
  const columns = (x?.marks ?? []).map((mark) => {
    const at = place(x?.at(mark) ?? 0)
    return (
      `<line class="grid" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 5}"/>` +
      `<text class="mark" x="${at}" y="${bottom + 21}" text-anchor="middle">${quote(xText(mark))}</text>`
    )
  })
  return (
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${quote(label)}">` +
    `${rows.join("")}${columns.join("")}${content}</svg>`
  )
}

type Point = readonly [x: number, y: number]

const path = (points: ReadonlyArray<Point>, { x, y }: { x: Scale; y: Scale }): string =>
  points.map(([a, b], index) => `${index ? "L" : "M"}${place(x.at(a))} ${place(y.at(b))}`).join("")

export interface Line {
  readonly series: Series
  readonly points: ReadonlyArray<Point>
  readonly isDashed?: boolean
  /** The surface down to 0 is tinted. */
  readonly isFilled?: boolean
}

export const drawLine = (line: Line, scales: { readonly x: Scale; readonly y: Scale }): string => {
  const { series, points, isDashed = false, isFilled = false } = line
  const first = points[0]
  const last = points.at(-1)
  if (first === undefined || last === undefined) return ""
  const stroke = path(points, scales)
  const floor = place(scales.y.at(0))
  const fill = `${stroke}L${place(scales.x.at(last[0]))} ${floor}L${place(scales.x.at(first[0]))} ${floor}Z`
  const dashes = isDashed ? ' stroke-dasharray="5 4"' : ""
  return (
    (isFilled ? `<path class="fill ${series}" d="${fill}"/>` : "") +
    `<path class="line ${series}" d="${stroke}"${dashes}/>`
  )
}

/** A stretch of x, tinted, with words at its top. */
export const drawBand = (
  from: number,
  to: number,
  x: Scale,
  height: number,
  words: string,
): string => {
  const left = x.at(from)
  const width = x.at(to) - left
  const tall = height - MARGIN.top - MARGIN.bottom
  return (
    `<rect class="band" x="${place(left)}" y="${MARGIN.top}" width="${place(width)}" height="${tall}"/>` +
    `<text class="words" x="${place(left + width / 2)}" y="${MARGIN.top + 15}" text-anchor="middle">${quote(words)}</text>`
  )
}

export interface Bar {
  readonly series: Series
  readonly value: Spread | null
  readonly text: string
}

export interface Group {
  readonly label: string
  readonly bars: ReadonlyArray<Bar>
}

const GAP = 0.22
const BAR_MAX = 56

const drawBar = ({ series, value, text }: Bar, left: number, width: number, y: Scale): string => {
  if (value === null) return ""
  const top = y.at(value.median)
  const middle = place(left + width / 2)
  const height = Math.max(0, y.at(0) - top)
  const whisker =
    value.count > 1
      ? `<line class="whisker" x1="${middle}" x2="${middle}" y1="${place(y.at(value.min))}" y2="${place(y.at(value.max))}"/>`
      : ""
  const above = place(Math.min(top, y.at(value.max)) - 5)
  return (
    `<rect class="bar ${series}" x="${place(left)}" y="${place(top)}" width="${place(width)}" height="${place(height)}" rx="2"/>` +
    `${whisker}<text class="value" x="${middle}" y="${above}" text-anchor="middle">${quote(text)}</text>`
  )
}

/** Groups of bars side by side, each group with its name below. */
export const drawBars = (groups: ReadonlyArray<Group>, y: Scale, height: number): string => {
  const each = (WIDTH - MARGIN.left - MARGIN.right) / Math.max(1, groups.length)
  const bottom = height - MARGIN.bottom
  return groups
    .map(({ label, bars }, index) => {
      const width = Math.min(BAR_MAX, (each * (1 - GAP)) / Math.max(1, bars.length))
      const center = MARGIN.left + each * (index + 0.5)
      const left = center - (width * bars.length) / 2
      const drawn = bars.map((bar, at) => drawBar(bar, left + at * width + 1, width - 2, y))
      return `${drawn.join("")}<text class="mark" x="${place(center)}" y="${bottom + 21}" text-anchor="middle">${quote(label)}</text>`
    })
    .join("")
}
