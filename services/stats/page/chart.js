/** The two charts: the last five minutes, a point a second, in the colours of the page's scheme. */

const { uPlot } = globalThis

const SECONDS = 300
const HEIGHT = 176
const FONT = "12px system-ui, sans-serif"

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 })

const clock = (at) => new Date(at * 1_000).toLocaleTimeString("en", { hour12: false })

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

const makePlot = (element, names) => {
  const options = {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    // On the right there is room for half a time.
    padding: [10, 28, 0, 0],
    scales: {
      // A minute at first, so that it is no sliver; then it grows to five.
      x: { range: (_, min, max) => [Math.max(max - SECONDS, Math.min(min, max - 60)), max] },
      // A queue that is empty is a line at the bottom, not one in the middle.
      y: { range: (_, _min, max) => [0, Math.max(max ?? 0, 5) * 1.1] },
    },
    axes: [
      axis({ size: 26, space: 90, values: (_, times) => times.map(clock) }),
      axis({ size: 46, space: 32, values: (_, ticks) => ticks.map((tick) => short.format(tick)) }),
    ],
    series: [{}, ...names.map(line)],
  }
  return new uPlot(options, [[], ...names.map(() => [])], element)
}

/** A chart in an element; `add` takes a time in seconds and a figure for each name, null for a gap. */
export const makeChart = (element, names) => {
  const data = [[], ...names.map(() => [])]
  const plot = makePlot(element, names)
  new ResizeObserver(() => {
    plot.setSize({ width: element.clientWidth, height: HEIGHT })
  }).observe(element)
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw())
  return {
    add: (at, figures) => {
      for (const [index, figure] of [at, ...figures].entries()) data[index].push(figure)
      const old = data[0].findIndex((time) => time >= at - SECONDS)
      if (old > 0) for (const column of data) column.splice(0, old)
      plot.setData(data)
    },
  }
}
