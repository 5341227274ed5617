import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { CONTRACT } from "../../shared/contract.ts"
import { listen } from "../../shared/http/listen.ts"
import { metered } from "../../shared/http/metrics.ts"
import { keyValue } from "../../shared/testing/write.ts"
import type { Write } from "../../shared/write.ts"
import { hasBrowser, startBrowser } from "../testing/browser.ts"
import { until } from "../testing/until.ts"
import { makeApp } from "./app.ts"
import { forBrowsers } from "./browsers.ts"

const writes: Write[] = []
/** Of all answers: a page hears none to its beacons. */
const statuses: number[] = []

/** Two sites, of which the first may write. */
const sites = [createServer(), createServer()] as const
const pages: string[] = []
let url: string
let close: () => void

beforeAll(async () => {
  for (const site of sites) {
    site.on("request", (_, response) => response.setHeader("content-type", "text/html").end("<p>"))
    await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve))
    pages.push(`http://127.0.0.1:${(site.address() as AddressInfo).port}`)
  }
  const app = makeApp({
    commits: async () => null,
    put: async (write) => ({ version: writes.push(write), depth: 1 }),
    probe: async () => ({ status: "healthy", redis: "up" }),
    valueMaxBytes: 1_024,
    report: () => {},
  })
  const handle = metered(forBrowsers(app, pages[0] ?? ""), CONTRACT.ingest)
  const listening = await listen(
    async (request) => {
      const response = await handle(request)
      statuses.push(response.status)
      return response
    },
    { port: 0 },
    { keepAliveTimeout: 5_000 },
  )
  url = listening.url
  close = () => {
    listening.server.close()
    listening.server.closeAllConnections()
  }
})
afterAll(() => {
  close()
  for (const site of sites) site.close().closeAllConnections()
})
beforeEach(() => {
  writes.length = 0
  statuses.length = 0
})

const row = (key: string) => JSON.stringify({ key, value: "ä" })

test("an answer over a socket has its headers, its length and its body", async () => {
  const [origin = ""] = pages
  const init = { method: "POST", body: row("a") }
  const json = { ...init, headers: { origin, "content-type": "application/json" } }
  const answer = await fetch(`${url}/write`, json)
  expect(answer.headers.get("access-control-allow-origin")).toBe(origin)
  expect(answer.headers.get("content-type")).toBe("application/json")
  expect(await answer.json()).toMatchObject({ success: true, key: "a" })
  const text = { ...init, headers: { origin, "content-type": "text/plain;charset=UTF-8" } }
  expect((await fetch(`${url}/write`, text)).status).toBe(202)
  expect((await fetch(`${url}/writes`, { ...text, body: `[${row("b")}]` })).status).toBe(202)
  const asked = await fetch(`${url}/write`, { method: "OPTIONS", headers: { origin } })
  expect([asked.status, await asked.text()]).toEqual([204, ""])
  expect(writes).toEqual([keyValue("a", "ä"), keyValue("a", "ä"), keyValue("b", "ä")])
})

describe.skipIf(!hasBrowser)("in a browser", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser.close())

  const openSite = async (index: number) => {
    const page = await browser.newPage()
    await page.goto(pages[index] ?? "")
    return page
  }
  /** What a script of the page reads of the answer to a write; null when the browser keeps it. */
  const writeFrom = async (index: number) =>
    (await openSite(index)).evaluate(
      async ([to, body]) => {
        const headers = { "content-type": "application/json", "idempotency-key": "1" }
        const answer = await fetch(to, { method: "POST", headers, body }).catch(() => null)
        return answer && [answer.status, answer.headers.get("location")]
      },
      [`${url}/write`, row("a")] as const,
    )
  const beaconFrom = async (index: number, key: string) =>
    (await openSite(index)).evaluate(([to, body]) => navigator.sendBeacon(to, body), [
      `${url}/write`,
      row(key),
    ] as const)

  test("a page of an allowed site writes and reads the answer, another is stopped before", async () => {
    expect(await writeFrom(1)).toBeNull()
    expect(writes).toEqual([])
    expect(await writeFrom(0)).toEqual([202, "/read/a?min_version=1"])
    expect(writes).toHaveLength(1)
  })

  test("a beacon of an allowed site is a write, one of another is none", async () => {
    expect(await beaconFrom(1, "evil")).toBe(true)
    expect(await beaconFrom(0, "a")).toBe(true)
    await until("two answers", async () => statuses.length === 2)
    expect(statuses.toSorted()).toEqual([202, 415])
    expect(writes).toEqual([keyValue("a", "ä")])
  })
})
