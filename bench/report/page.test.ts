import { describe, expect, it } from "vitest"
import { sampleResults } from "../result-sample.ts"
import { renderPage } from "./page.ts"

/** What the page's script draws, read as the script reads it. */
const plots = (page: string) =>
  JSON.parse(/id="plots">(.*?)<\/script>/.exec(page)?.[1] ?? "") as unknown[]

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0

describe("renderPage", () => {
  it("has a chart of each measurement", () => {
    const page = renderPage(sampleResults())
    expect(count(page, /<figure>/g)).toBe(12)
    // The outage has two: successes and depth.
    expect(count(page, /class="plot"/g)).toBe(13)
    expect(plots(page)).toHaveLength(13)
  })

  it("leaves out the charts of what was not measured", () => {
    const page = renderPage(sampleResults({ visibility: [], outage: [], drain: [], growth: [] }))
    expect(count(page, /<figure>/g)).toBe(8)
  })

  it("is a page without any measurement too", () => {
    const none = { loads: [], visibility: [], outage: [], drain: [], durability: [], growth: [] }
    expect(renderPage(sampleResults(none))).toContain("not measured")
  })

  it("needs nothing else, and draws no impossible coordinate", () => {
    const page = renderPage(sampleResults())
    expect(page).not.toMatch(/\b(src|href)=|@import|url\(/)
    // JSON has null for what is no number.
    expect(JSON.stringify(plots(page))).not.toContain("null")
    expect(page.slice(0, page.indexOf("<script"))).not.toMatch(/NaN|Infinity|undefined|null/)
  })

  it("shows text as text", () => {
    const page = renderPage(sampleResults({ command: "npm run bench -- --json <x>&'\"" }))
    expect(page).toContain("--json &lt;x&gt;&amp;")
  })
})
