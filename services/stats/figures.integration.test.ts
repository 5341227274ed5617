/** What the page makes of events: history, gaps, the cursor, estimates, workers; also behind a proxy's path. */
import { once } from "node:events"
import { createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import type { Page } from "playwright-core"
import { describe, expect, test } from "vitest"
import { hasBrowser } from "../testing/browser.ts"
import { shows, text, unlock, usePage } from "./testing/page.ts"

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true }
const NOW = Date.UTC(2026, 10, 22, 23, 59, 0)

const STATS = {
  ...{ queue_depth: 12_000, in_flight: 2_000, writes_queued: 40_000, writes_processed: 27_000 },
  ...{ writes_failed: 1_000, oldest_age_seconds: 754, workers: 1, dead_letters: 1_000 },
  ...{ writes_coalesced: 0, writes_discarded: 0, writes_purged: 0, redelivered: 0 },
  since: "2026-11-22T13:05:00.000Z",
}
const HEALTH = {
  ...{ status: "degraded", queue_depth: 12_000, worker_active: true, durability: "aof-always" },
  ...{ redis: "up", postgres: "up", warnings: ["The oldest write has waited 754 s."] },
}
const EVENT = {
  ...{ at: NOW, hasOperations: true, build: "1.2.3 (0123456)", health: HEALTH, stats: STATS },
  windows: { Full: 1, Asked: 0, Elapsed: 0, Quiet: 0 },
  workers: [
    { id: "worker-1", isAlive: true, until: NOW + 9_000, held: "" },
    { id: "worker-2", isAlive: true, until: NOW + 9_000, held: "The table is missing." },
    { id: "worker-3", isAlive: false, until: NOW - 60_000, held: "" },
  ],
}
/** Every five seconds, 100 a second in, 300 out: but for a minute in which nothing was measured. */
const HISTORY = Array.from({ length: 30 }, (_, index) => {
  const at = NOW - (30 - index) * 5_000 - (index < 10 ? 60_000 : 0)
  return [at, 37_000 + index * 500, 12_000 + index * 1_500, 12_000 + (30 - index) * 1_000]
})

describe.runIf(hasBrowser)("the page", () => {
  const { open, bury, url, redis, closing } = usePage()

  const openWith = async (event: object, options = {}) => {
    const { page, complaints } = await open({ timezoneId: "UTC", ...options })
    const body = `event: history\ndata: ${JSON.stringify(HISTORY)}\n\ndata: ${JSON.stringify(event)}\n\n`
    await page.route("**/events", (route) =>
      route.fulfill({ contentType: "text/event-stream", body }),
    )
    await page.reload()
    await shows(page, "build", "1.2.3 (0123456)")
    return { page, complaints }
  }
  const legend = async (page: Page, id: string) =>
    (await page.locator(`#${id} > *`).allTextContents()).join(" ").trim()

  test("shows what was before it was opened, and a gap where nothing was measured", async () => {
    const { page, complaints } = await openWith(EVENT)
    expect(await text(page, "outlook")).toBe("gone in about 60 s")
    expect(await legend(page, "legend-depth")).toMatch(/waiting 12,000/)
    await page.focus("#chart-depth")
    await page.keyboard.press("Home")
    expect(await legend(page, "legend-depth")).toBe("23:55:30 waiting 42,000")
    // The other chart shows the same moment; of the first point there is no rate.
    expect(await legend(page, "legend-rates")).toBe("23:55:30 in – out –")
    await page.keyboard.press("ArrowRight")
    expect(await legend(page, "legend-rates")).toBe("23:55:35 in 100 out 300")
    for (let i = 0; i < 9; i++) await page.keyboard.press("ArrowRight")
    expect(await legend(page, "legend-depth")).toMatch(/waiting –/)
    await page.keyboard.press("Escape")
    expect(await legend(page, "legend-depth")).toMatch(/^waiting 12,000/)
    expect(complaints).toEqual([])
  })

  test("lists the workers, its build, and times of one kind", async () => {
    const { page } = await openWith(EVENT)
    const workers = await page.locator("#workers-list li > *").allTextContents()
    expect(workers).toEqual([
      ...["worker-1", "alive"],
      ...["worker-2", "holds", "The table is missing."],
      ...["worker-3", "silent since 23:58:00"],
    ])
    expect(await text(page, "since")).toBe("since 2026-11-22 13:05:00")
    expect(await page.textContent("main")).not.toMatch(/\b[AP]M\b/)
  })

  test("has room on a phone for long figures", async () => {
    const { page } = await openWith(EVENT, PHONE)
    expect(await text(page, "age")).toBe("12 min 34 s")
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
    expect(await page.evaluate(() => window.innerWidth)).toBe(360)
  })

  test("works behind a proxy that strips a path, and asks for nothing outside of it", async () => {
    const { port } = new URL(url())
    const proxy = createServer((incoming, outgoing) => {
      const { method, headers } = incoming
      if (!incoming.url?.startsWith("/buffer/")) return outgoing.writeHead(404).end()
      const path = incoming.url.slice("/buffer".length)
      const onward = request({ port, path, method, headers, host: "127.0.0.1" }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      outgoing.on("close", () => onward.destroy())
      onward.on("error", () => outgoing.destroy())
      incoming.pipe(onward)
    }).listen(0, "127.0.0.1")
    await once(proxy, "listening")
    closing.push(async () => {
      proxy.closeAllConnections()
      proxy.close()
    })
    await bury({ version: 1 })
    const { port: own } = proxy.address() as AddressInfo
    const { page, complaints } = await open({}, `http://127.0.0.1:${own}/buffer/`)
    await shows(page, "dead", "1")
    expect(await page.locator(".chart canvas").count()).toBe(2)
    await unlock(page)
    await page.press("#letters [data-action=Replay]", "Enter")
    await shows(page, "outcome", /^1 replayed/)
    expect(await redis().llen("write_queue")).toBe(1)
    expect(complaints).toEqual([])
  })
})
