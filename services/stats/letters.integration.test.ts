/** Dead letters on the page, by keyboard alone: however many, each as it is, and nothing unasked. */
import type { Page } from "playwright-core"
import { describe, expect, test } from "vitest"
import { hasBrowser } from "../testing/browser.ts"
import { shows, text, unlock, usePage } from "./testing/page.ts"

const focused = (page: Page) =>
  page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? null)

/** An answer of the page must be seen wherever one has scrolled to. */
const isInView = (page: Page, selector: string) =>
  page.evaluate((found) => {
    const box = document.querySelector(found)?.getBoundingClientRect()
    return box !== undefined && box.height > 0 && box.top >= 0 && box.bottom <= window.innerHeight
  }, selector)

describe.runIf(hasBrowser)("dead letters on the page", () => {
  const { open, bury, redis } = usePage()

  const openUnlocked = async () => {
    await bury({ version: 1 }, { version: 2 }, { version: 3 })
    const { page } = await open()
    await unlock(page)
    await page.waitForSelector("#letters li:nth-child(3)")
    return page
  }

  test("answers each question by its own dialog, however late the browser tells of the last", async () => {
    const page = await openUnlocked()
    await page.press("#letters button.danger", "Enter")
    await shows(page, "question-title", "Discard the dead letter of key:1?")
    // As Escape and Enter do before the browser has told of the first.
    await page.evaluate(() => {
      document.querySelector("dialog")?.close("no")
      document.querySelector<HTMLButtonElement>("#letters button.danger")?.click()
    })
    await page.press("dialog[open] [value=yes]", "Enter")
    await shows(page, "outcome", "1 discarded.")
    expect(await text(page, "letters-count")).toContain("2")
  })

  test("keeps the focus where it is while an answer comes, and moves it on from what is gone", async () => {
    const page = await openUnlocked()
    const { promise, resolve } = Promise.withResolvers<void>()
    await page.route("**/dead?*", async (route) => {
      await promise
      await route.continue()
    })
    const answered = page.waitForResponse(/\/dead\?/)
    await page.press("#refresh", "Enter")
    await page.focus("#letters li:nth-child(2) button.danger")
    resolve()
    await answered
    await page.evaluate(() => new Promise(requestAnimationFrame))
    expect(await focused(page)).toBe("Discard the dead letter of key:2")
    await page.press("#letters li:nth-child(2) [data-action=Replay]", "Enter")
    await shows(page, "outcome", /^1 replayed/)
    expect(await focused(page)).toBe("Replay the dead letter of key:3")
  })

  test("are shown column by column, JSON as JSON and with all its digits", async () => {
    const value = '{"id":12345678901234567890,"tags":["a",{}],"text":"a \\"b\\", c"}'
    await bury({ version: 1_795_000_000_000_001, key: "<b>k</b>", value, reason: "no reason" })
    const { page } = await open({ timezoneId: "UTC" })
    await unlock(page)
    await page.waitForSelector("#letters li")
    expect(await page.locator("#letters dt").allTextContents()).toEqual([
      ...["table", "key", "value (JSON)", "reason", "buried", "version"],
    ])
    const lines = [
      ...["{", '  "id": 12345678901234567890,', '  "tags": [', '    "a",', "    {}", "  ],"],
      ...['  "text": "a \\"b\\", c"', "}"],
    ]
    expect(await page.locator("#letters dd").allTextContents()).toEqual([
      ...["key_values", "<b>k</b>", lines.join("\n")],
      ...["no reason", "2026-11-22 10:00:00", "1795000000000001"],
    ])
  })

  test("are as many as there are: grouped, filtered, paged, and only what was seen is discarded", async () => {
    const letters = Array.from({ length: 20_000 }, (_, index) => ({
      version: index + 1,
      reason: index % 1_000 < 29 ? "rare" : "common",
    }))
    await bury(...letters)
    const { page, complaints } = await open({
      viewport: { width: 360, height: 740 },
      isMobile: true,
    })
    await unlock(page)
    await shows(page, "letters-count", "1 to 20 of 20,000 dead letters, the oldest first")
    expect(await page.locator("#reasons button").allTextContents()).toEqual([
      ...["20,000all reasons", "19,420common", "580rare"],
    ])
    await page.press("#reasons li:nth-child(3) button", "Enter")
    await shows(page, "letters-count", "1 to 20 of 580 dead letters, the oldest first")
    await page.press("#next", "Enter")
    await shows(page, "letters-count", "21 to 40 of 580 dead letters, the oldest first")
    expect(await page.textContent("#letters code")).toBe("key:21")
    await page.press("#previous", "Enter")
    await page.fill("#filter-key", "key:12")
    await page.press("#filter-key", "Enter")
    await shows(page, "letters-count", "1 to 20 of 30 dead letters, the oldest first")
    await bury({ version: 120_000, key: "key:12 after", reason: "rare" })
    await shows(page, "letters-news", "There are 20,001 dead letters now.")
    await page.press("#discard-all", "Enter")
    await shows(page, "question-title", "Discard 30 dead letters for good?")
    await shows(page, "question-text", /^Their reason: rare\. Their key contains: key:12\. Gone/)
    await page.press("dialog [value=yes]", "Enter")
    await shows(page, "outcome", "30 discarded.")
    expect(await isInView(page, "#outcome")).toBe(true)
    await shows(page, "letters-count", "1 to 1 of 1 dead letter, the oldest first")
    expect(await redis().llen("{write_queue}:dead")).toBe(19_971)
    expect(await page.locator("#letters li").count()).toBe(1)
    expect(complaints).toEqual([])
  })

  test("are discarded by the filter that they were shown for, however late another list is", async () => {
    await bury({ version: 1, reason: "evil" }, { version: 2 }, { version: 3 })
    const { page } = await open()
    await unlock(page)
    await page.waitForSelector("#letters li:nth-child(3)")
    await page.click("#reasons button:has-text('evil')")
    await shows(page, "discard-all", "Discard all 1 …")
    await page.click("#discard-all")
    await shows(page, "question-title", "Discard 1 dead letter for good?")
    // While the question stands, a list of all reasons is asked for, and nothing tells when it comes.
    const late = Promise.withResolvers<void>()
    await page.route("**/dead/reasons?*", async (route) => {
      await late.promise
      await route.continue()
    })
    await page.evaluate(() =>
      document.querySelector<HTMLButtonElement>("#reasons li:first-child button")?.click(),
    )
    expect(
      await page.locator("#replay-all, #discard-all").and(page.locator(":disabled")).count(),
    ).toBe(2)
    const sent = page.waitForRequest((request) => request.method() === "DELETE")
    await page.click("dialog [value=yes]")
    expect((await sent).postDataJSON()).toMatchObject({ all: true, reason: "evil", most: 1 })
    late.resolve()
    await shows(page, "outcome", "1 discarded.")
    await shows(page, "discard-all", "Discard all 2 …")
    expect(await page.isEnabled("#discard-all")).toBe(true)
  })

  test("of a list that comes after the page was locked are not shown", async () => {
    const page = await openUnlocked()
    const late = Promise.withResolvers<void>()
    await page.route(/\/(dead|queue)\?/, async (route) => {
      await late.promise
      await route.continue()
    })
    const answered = [page.waitForResponse(/\/dead\?/), page.waitForResponse(/\/queue\?/)]
    await page.click("#refresh")
    await page.click("#refresh-waiting")
    await page.click("#lock")
    late.resolve()
    await Promise.all(answered)
    await page.evaluate(() => new Promise(requestAnimationFrame))
    expect(await page.locator("#letters li, #waiting li").count()).toBe(0)
  })

  test("that are gone, and whose list has changed, are not taken for others", async () => {
    const page = await openUnlocked()
    await redis().del("{write_queue}:dead")
    await bury({ version: 4 })
    await page.press("#letters [data-action=Replay]", "Enter")
    await shows(page, "outcome", /^That dead letter is gone/)
    await bury({ version: 5 })
    await page.press("#refresh", "Enter")
    await shows(page, "letters-count", /of 2 dead letters/)
    await redis().lpop("{write_queue}:dead")
    await page.press("#discard-all", "Enter")
    await page.press("dialog [value=yes]", "Enter")
    await shows(page, "outcome", /^Dead letters changed/)
    expect(await redis().llen("{write_queue}:dead")).toBe(1)
  })

  test("are shown as they came when their JSON is too deep or too long to be indented", async () => {
    const deep = "[".repeat(32_000) + "]".repeat(32_000)
    const long = `${"[".repeat(40)}${"1,".repeat(10_000)}1${"]".repeat(40)}`
    await bury({ version: 1, value: deep }, { version: 2, value: long }, { version: 3 })
    await redis().lpush("write_queue", JSON.stringify({ version: 1, key: "w", value: deep }))
    const { page } = await open()
    await unlock(page)
    await page.waitForSelector("#letters li:nth-child(3)")
    const values = page.locator("#letters dd:nth-of-type(3)")
    expect(await values.allTextContents()).toEqual([deep, long, "v"])
    expect(await page.locator("#waiting dd:nth-of-type(3)").textContent()).toBe(deep)
    expect(await text(page, "outcome")).toBe("")
  })

  test("leave the operations to operators even when they cannot be shown", async () => {
    const { page } = await open()
    await page.route("**/dead?*", (route) => route.fulfill({ status: 500, body: "[" }))
    await unlock(page)
    await shows(page, "outcome", /^Something else than the stats service answers/)
    expect(await page.isVisible("#data")).toBe(true)
    await page.click("#pause")
    await shows(page, "outcome", /^Paused/)
  })

  test("stand beside the writes that wait", async () => {
    const { page } = await open({ timezoneId: "UTC" })
    await redis().lpush(
      "write_queue",
      '{"version":1795000000000001,"key":"w","value":"[1]"}',
      "junk",
    )
    await unlock(page)
    await shows(page, "waiting-count", "the oldest 2")
    await shows(page, "depth", "2")
    expect(await page.locator("#waiting dd").allTextContents()).toEqual([
      ...["key_values", "w", "[\n  1\n]", "2026-11-18 11:06:40", "1795000000000001", "junk"],
    ])
    await page.press("#purge", "Enter")
    await shows(page, "question-title", "Throw 2 waiting writes away?")
  })
})
