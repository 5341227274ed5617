/** The shards on the page: none as long as there is one list, and each as it is when there are several. */
import type { Page } from "playwright-core"
import { describe, expect, test } from "vitest"
import { openShards } from "../../shared/queue/open-shards.ts"
import { changeShards } from "../../shared/queue/reshard.ts"
import { hasBrowser } from "../testing/browser.ts"
import { shows, usePage } from "./testing/page.ts"

describe.runIf(hasBrowser)("shards on the page", () => {
  const { open, redis, closing, redisUrl } = usePage()
  const cells = (page: Page) => page.locator("#shards tr").allTextContents()

  test("are not there as long as there is one list", async () => {
    const { page } = await open()
    await shows(page, "depth", "0")
    expect(await page.isVisible("#shards-card")).toBe(false)
  })

  test("are rows, of which those that are late and not served stand out", async () => {
    const url = redisUrl()
    const shards = await openShards({ url, queue: "write_queue", program: "test", first: 1 })
    closing.push(async () => shards.close())
    await changeShards(shards, 3)
    const [home, first, second] = shards.every()
    const ask = { worker: "w", lease: 60_000, hold: "", most: 1, ids: [] }
    await home?.queue.heartbeat(ask)
    await first?.queue.heartbeat(ask)
    const writes = ['{"key":"a","value":"v"}', '{"key":"b","value":"v"}']
    await second?.queue.enqueue({ most: 100, isFirst: false, shards: 3, shard: 1, writes })
    // As old as a write that was accepted a minute ago.
    const [item = ""] = (await second?.queue.peek(1)) ?? []
    const { version } = JSON.parse(item)
    await redis().lset(
      "{write_queue:1}",
      -1,
      item.replace(String(version), String(version - 60_000_000)),
    )
    const { page, complaints } = await open({ viewport: { width: 360, height: 740 } })
    await shows(page, "shards", /1 min/)
    await shows(page, "shards", /write_queue pushed/)
    const rows = await cells(page)
    expect(rows[0]).toMatch(/^write_queue pushed0/)
    expect(rows.slice(1).map((row) => row.slice(0, 2))).toEqual(["00", "12", "20"])
    expect(await page.locator("#shards .alarming").allTextContents()).toEqual([
      ...[expect.stringMatching(/^1 min/), "0", "0"],
    ])
    const isWide = await page.evaluate(
      () => document.documentElement.scrollWidth > window.innerWidth,
    )
    expect(isWide).toBe(false)
    expect(complaints).toEqual([])
  })
})
