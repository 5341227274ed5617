/** The report of a run: one file that needs nothing else, in light or dark, on a desk or a phone. */
import { readFileSync } from "node:fs"
import type { Results } from "../result.ts"
import { ratio } from "../statistics.ts"
import type { Chart } from "./chart.ts"
import { charts } from "./charts.ts"
import { COST_HEAD, costRows } from "./costs.ts"
import { loadFigures, outageFigures } from "./figures.ts"
import { factor, millis, percent, perSecond } from "./format.ts"
import { evaluate, goalLine } from "./goals.ts"
import { HEAD, provenance, rows } from "./table.ts"

const read = (url: string) => readFileSync(new URL(import.meta.resolve(url)), "utf8")

const quote = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")

const figure = ({ title, words, legend, plots }: Chart): string => {
  const entries = legend.map(({ series, text, isDashed }) => {
    const dashes = isDashed ? ' class="dashed"' : ""
    return `<li><i${dashes} style="color: var(--${series})"></i>${quote(text)}</li>`
  })
  const places = plots.map(
    ({ label }) => `<div class="plot" role="img" aria-label="${quote(label)}"></div>`,
  )
  return (
    `<figure><figcaption><b>${quote(title)}</b><p>${quote(words)}</p>` +
    `<ul>${entries.join("")}</ul></figcaption>${places.join("")}</figure>`
  )
}

/** JSON that may stand in a script: there is no other way to end one than with a "<". */
const embed = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c")

const table = (
  head: ReadonlyArray<string>,
  lines: ReadonlyArray<ReadonlyArray<string>>,
): string => {
  const cells = (line: ReadonlyArray<string>) =>
    line.map((cell, column) => {
      const isVerdict = /^(not )?(reached|measured)$/.test(cell)
      const verdict = isVerdict ? ` class="${cell.replace(" ", "-")}"` : ""
      // On a phone each cell says its column, because there is no room for columns.
      return `<td data-head="${quote(head[column] ?? "")}"${verdict}>${quote(cell)}</td>`
    })
  const top = head.map((cell) => `<th>${quote(cell)}</th>`)
  const body = lines.map((line) => `<tr>${cells(line).join("")}</tr>`)
  return `<div class="wide"><table><thead><tr>${top.join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>`
}

/** What a reader remembers: four figures at most. */
const tiles = (results: Results): string => {
  const load = (name: "sync" | "async", distance: "near" | "far") => {
    const { perSecond: throughput, p50 } = loadFigures(results, name, distance)
    return { throughput: throughput?.median ?? null, p50: p50?.median ?? null }
  }
  const sync = load("sync", "far")
  const async = load("async", "far")
  const near = load("async", "near")
  const share = outageFigures(results).async.share?.median ?? null
  const found: ReadonlyArray<readonly [string, string, number | null]> = [
    [
      factor(ratio(async.throughput, sync.throughput)),
      "throughput, far database",
      async.throughput,
    ],
    [factor(ratio(sync.p50, async.p50)), "faster answers at p50, far database", async.p50],
    [perSecond(near.throughput), "sustained, near database", near.throughput],
    [millis(near.p50), "p50, near database", near.p50],
    [percent(share), "answered while PostgreSQL is away", share],
  ]
  const shown = found.filter(([, , known]) => known !== null)
  return shown.length === 0
    ? ""
    : `<section class="tiles">${shown.map(([big, small]) => `<div><b>${quote(big)}</b><span>${small}</span></div>`).join("")}</section>`
}

export const renderPage = (results: Results): string => {
  const shown = charts(results)
  const goals = evaluate(results).map(goalLine)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>write-buffer: sync against async</title>
<style>
${read("uplot/dist/uPlot.min.css")}
${read("./page.css")}</style>
</head>
<body>
<h1>Sync against async</h1>
<p class="lead">The same writes, once straight into PostgreSQL and once through the write buffer.</p>
${tiles(results)}
<section class="charts">
${shown.map(figure).join("\n")}
</section>
<h2>The table</h2>
${table(HEAD, rows(results))}
<h2>What it costs</h2>
<p class="note">By the system's accounting, without the load generator; all children of PostgreSQL and Redis included.</p>
${table(COST_HEAD, costRows(results))}
<h2>The goals</h2>
${table(["ratio, same run", "to reach", "figure", "this machine at best", ""], goals)}
<p class="note">${quote(provenance(results))}</p>
<script type="application/json" id="plots">${embed(shown.flatMap(({ plots }) => plots))}</script>
<script>${read("uplot/dist/uPlot.iife.min.js")}</script>
<script type="module">${read("./draw.js")}</script>
</body>
</html>
`
}
