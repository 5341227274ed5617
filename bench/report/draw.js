/**
 * Draws the plots of the report with uPlot, in the colours of the page. It stands in the page behind uPlot
 * and the plots' data, which `charts.ts` makes: one for each element of the class "plot", in their order.
 */
const { uPlot } = globalThis

const HEIGHT = 250
const LOW_HEIGHT = 150
const FONT_PX = 12
const BAR_MAX_PX = 56

/** Room above the highest bar for its figure. */
const HEADROOM = 1.15

/** Of a canvas, which does not know CSS variables. */
const probe = document.body.appendChild(document.createElement("i"))
const colour = (name) => {
  probe.style.color = `var(--${name})`
  return getComputedStyle(probe).color
}
const tint = (name) => `color-mix(in srgb, ${colour(name)} 14%, transparent)`

const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 })
const count = (value) => short.format(value).replace("K", "k")

const TEXT = {
  count,
  percent: (value) => `${count(value * 100)} %`,
  micros: (value) => `${count(value)} µs`,
  millis: (value) => (value < 1_000 ? `${value} ms` : `${value / 1_000} s`),
  seconds: (value) => `${value} s`,
}

const axis = (unit, more) => ({
  stroke: () => colour("soft"),
  font: `${FONT_PX}px system-ui, sans-serif`,
  grid: { show: false },
  ticks: { show: false },
  // A logarithmic axis has lines that no figure belongs to.
  values: (_, values) => values.map((value) => (value === null ? "" : TEXT[unit](value))),
  ...more,
})

const valueAxis = (unit) =>
  axis(unit, { size: 56, space: 44, grid: { stroke: () => colour("line"), width: 1 } })

const write = ({ ctx }, text, name, x, y, px = FONT_PX) => {
  ctx.font = `${px * uPlot.pxRatio}px system-ui, sans-serif`
  ctx.textAlign = "center"
  ctx.textBaseline = "alphabetic"
  ctx.fillStyle = colour(name)
  ctx.fillText(text, x, y)
}

const drawBand = (plot, { from, to, text }) => {
  const { ctx, bbox } = plot
  const left = plot.valToPos(from, "x", true)
  const width = plot.valToPos(to, "x", true) - left
  ctx.fillStyle = tint("bad")
  ctx.fillRect(left, bbox.top, width, bbox.height)
  write(plot, text, "soft", left + width / 2, bbox.top + 15 * uPlot.pxRatio)
}

const lines = ({ x, y, lines, band, isLow }) => ({
  height: isLow ? LOW_HEIGHT : HEIGHT,
  data: uPlot.join(lines.map((line) => [line.x, line.y])),
  scales: {
    x: { time: false, ...(x === "millis" ? { distr: 3 } : { range: (_, _min, max) => [0, max] }) },
    y: { range: (_, _min, max) => [0, max || 1] },
  },
  axes: [axis(x, { size: 30, space: 60 }), valueAxis(y)],
  series: lines.map(({ series, isDashed, isFilled }) => ({
    stroke: () => colour(series),
    width: 2,
    points: { show: false },
    ...(isDashed && { dash: [5, 4] }),
    ...(isFilled && { fill: () => tint(series) }),
  })),
  hooks: { drawClear: [(plot) => band && drawBand(plot, band)] },
})

/** The lowest and the highest round as a line, and the figure above it. */
const drawSpread = (plot, { value, text }, at) => {
  const x = plot.valToPos(at, "x", true)
  const top = plot.valToPos(value.max, "y", true)
  // On a phone the figures of two low bars would meet.
  const apart = plot.valToPos(1, "x") - plot.valToPos(0, "x")
  plot.ctx.fillStyle = colour("ink")
  plot.ctx.fillRect(x, top, uPlot.pxRatio, plot.valToPos(value.min, "y", true) - top)
  write(plot, text, "ink", x, top - 5 * uPlot.pxRatio, Math.min(FONT_PX, apart / 2))
}

/** What a bar reaches with each of its parts, upwards. */
const tops = ({ parts }) => {
  let top = 0
  const all = new Map()
  for (const { series, value } of parts) {
    top += value
    all.set(series, top)
  }
  return all
}

/** Bars stand at 0, 1, 2 and so on, with one place free between two groups. */
const bars = ({ y, groups }, width) => {
  const placed = []
  const centers = []
  let next = 0
  for (const { bars } of groups) {
    centers.push(next + (bars.length - 1) / 2)
    for (const bar of bars) placed.push({ bar, at: next++, tops: tops(bar) })
    next += 1
  }
  const highest = Math.max(...placed.map(({ bar }) => bar.value.max))
  // What reaches higher is drawn first, and covered by what stands below it.
  const names = [...new Set(placed.flatMap(({ tops }) => [...tops.keys()]))].reverse()
  const of = (name) => placed.map(({ tops }) => tops.get(name) ?? null)
  // On a phone the names of many bars would meet.
  const px = Math.min(FONT_PX, width / groups.length / 3.2)
  const lines = Math.max(...groups.map(({ label }) => label.split("\n").length))
  return {
    height: HEIGHT,
    data: [placed.map(({ at }) => at), ...names.map(of)],
    scales: {
      x: { time: false, range: [-0.8, next - 1.2] },
      y: { range: [0, HEADROOM * highest || 1] },
    },
    axes: [
      axis(y, {
        size: 15 + 15 * lines,
        font: `${px}px system-ui, sans-serif`,
        splits: () => centers,
        values: () => groups.map(({ label }) => label),
      }),
      valueAxis(y),
    ],
    series: names.map((name) => ({
      fill: () => colour(name),
      width: 0,
      points: { show: false },
      paths: uPlot.paths.bars({ size: [0.9, BAR_MAX_PX], radius: 0.04 }),
    })),
    hooks: {
      draw: [
        (plot) => {
          for (const { bar, at } of placed) drawSpread(plot, bar, at)
        },
      ],
    },
  }
}

const draw = (element, plot) => {
  const { data, series, ...options } = plot.groups ? bars(plot, element.clientWidth) : lines(plot)
  const same = { legend: { show: false }, cursor: { show: false }, padding: [8, 28, 0, 0] }
  const width = () => element.clientWidth
  const all = { ...same, ...options, width: width(), series: [{}, ...series] }
  const drawn = new uPlot(all, data, element)
  new ResizeObserver(() => {
    drawn.setSize({ width: width(), height: options.height })
  }).observe(element)
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.redraw())
}

const plots = JSON.parse(document.querySelector("#plots").textContent)
for (const [index, element] of document.querySelectorAll(".plot").entries()) {
  draw(element, plots[index])
}
