/**
 * The two charts: the last five minutes, in the colours of the page's scheme. A cursor, moved by the pointer
 * or the arrow keys, shows in the legend what was then; without one the legend has the latest figures.
 */

import { clock, rate } from "./format.js"

const { uPlot } = globalThis

const SECONDS = 300
const HEIGHT = 176
const FONT = "12px system-ui, sans-serif"

/** The pointer's cursor is the same on both charts by itself; that of the keys, because it is put on both. */
const together = uPlot.sync("write-buffer")

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 })

const axis = (more) => ({
  stroke: () => colour("soft"),
  grid: { stroke: () => colour("line"), width: 1 },
  ticks: { show: false },
  font: FONT,
  ...more,
})

const line = (name) => ({
  stroke: () => colour(name),
  fill: () => `color-mix(in srgb, ${colour(name)} 12%, transparent)`,
  width: 1.5,
  points: { show: false },
})

const makePlot = (element, names, onCursor) => {
  const options = {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      // The same moment on both charts.
      sync: { key: together.key },
      points: { size: 7 },
    },
    hooks: { setCursor: [onCursor] },
    // On the right there is room for half a time.
    padding: [10, 28, 0, 0],
    scales: {
      // A minute at first, so that it is no sliver; then it grows to five.
      x: { range: (_, min, max) => [Math.max(max - SECONDS, Math.min(min, max - 60)), max] },
      // A queue that is empty is a line at the bottom, not one in the middle.
      y: { range: (_, _min, max) => [0, Math.max(max ?? 0, 5) * 1.1] },
    },
    axes: [
      axis({
        size: 26,
        space: 90,
        values: (_, times) => times.map((time) => clock(time * 1_000)),
      }),
      axis({ size: 46, space: 32, values: (_, ticks) => ticks.map((tick) => short.format(tick)) }),
    ],
    series: [{}, ...names.map(line)],
  }
  return new uPlot(options, [[], ...names.map(() => [])], element)
}

/** Where each key moves the cursor, from a point of so many. */
const KEYS = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  PageUp: (at) => at - 30,
  PageDown: (at) => at + 30,
  Home: () => 0,
  End: (_, last) => last,
}

const onKeys = (element, plot, data) => {
  const hide = () => {
    for (const one of together.plots) one.setCursor({ left: -10, top: -10 })
  }
  element.addEventListener("blur", hide)
  element.addEventListener("keydown", (event) => {
    const last = data[0].length - 1
    if (event.key === "Escape") return hide()
    if (!(event.key in KEYS) || last < 0) return
    event.preventDefault()
    const at = KEYS[event.key](plot.cursor.idx ?? last, last)
    const time = data[0][Math.min(Math.max(at, 0), last)]
    for (const one of together.plots) one.setCursor({ left: one.valToPos(time, "x"), top: 1 })
  })
}

/**
 * A chart in an element, with its legend; `add` takes a time in milliseconds and a figure for each name, null
 * for one that is not known. After more than `gapMillis` nothing was measured, and the line is broken.
 */
export const makeChart = (element, legend, names) => {
  const data = [[], ...names.map(() => [])]

  const showLegend = (index) => {
    const at = index ?? data[0].length - 1
    if (at < 0) return
    const figures = names.map((_, series) => rate(data[series + 1][at]))
    for (const [series, name] of names.entries()) {
      legend.querySelector(`[data-name=${name}]`).textContent = figures[series]
    }
    const time = clock(data[0][at] * 1_000)
    legend.querySelector("time").textContent = index === null || index === undefined ? "" : time
    element.setAttribute("aria-valuemax", String(data[0].length - 1))
    element.setAttribute("aria-valuenow", String(at))
    const text = names.map((name, series) => `${name} ${figures[series]}`).join(", ")
    element.setAttribute("aria-valuetext", `${time}: ${text}`)
  }

  const plot = makePlot(element, names, ({ cursor }) => showLegend(cursor.idx))
  onKeys(element, plot, data)
  new ResizeObserver(() => {
    plot.setSize({ width: element.clientWidth, height: HEIGHT })
  }).observe(element)
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw())

  const push = (seconds, figures) => {
    for (const [index, figure] of [seconds, ...figures].entries()) data[index].push(figure)
  }
  return {
    add: (at, figures, gapMillis) => {
      const seconds = at / 1_000
      const last = data[0].at(-1)
      if (last !== undefined && seconds - last > gapMillis / 1_000) {
        push(
          (seconds + last) / 2,
          names.map(() => null),
        )
      }
      push(seconds, figures)
      const old = data[0].findIndex((time) => time >= seconds - SECONDS)
      if (old > 0) for (const column of data) column.splice(0, old)
    },
    draw: () => {
      plot.setData(data)
      showLegend(plot.cursor.idx)
    },
  }
}
