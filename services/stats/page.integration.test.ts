/**
 * The page in a browser, against a whole stack: that its figures follow the writes, that an outage shows,
 * that operators can work with it, and that nobody needs a mouse, a large screen or the light for it.
 */
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { TABLE } from "../../shared/testing/table.ts"
import { hasBrowser, openPage, startBrowser } from "../testing/browser.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { CANARY } from "../testing/sent.ts"
import { type Stack, startStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"
import { ADMIN_TOKEN, shows, text, unlock } from "./testing/page.ts"

const MARKUP = `<script>document.title = "pwned"</script><img src=x onerror="document.title='pwned'">`
/** What no line of a log may hold: keys, values, and addresses with passwords. */
const SECRET = new RegExp(`${CANARY}|keykey|script|postgres(ql)?://|redis://`)

const PHONE: BrowserContextOptions = { viewport: { width: 360, height: 740 }, isMobile: true }

/** A loss of PostgreSQL must be on the page by then. */
const VISIBLE_MILLIS = 2_000

describe.runIf(hasBrowser)("the page", () => {
  let stack: Stack
  let browser: Browser
  const lines: string[] = []
  let opened: Array<() => Promise<void>> = []

  beforeAll(async () => {
    const env = { ADMIN_TOKEN, LOG_LEVEL: "debug" }
    const onLine = (line: string) => lines.push(line)
    const [started, launched] = await Promise.all([
      startStack({ redis: REDIS_KINDS[0], own: true, env, onLine }),
      startBrowser(),
    ])
    stack = started
    browser = launched
    await stack.postgres.sql(
      `alter table ${TABLE} add constraint no_markup check (value not like '<%')`,
    )
  })
  afterEach(async () => {
    for (const close of opened) await close()
    opened = []
  })
  afterAll(async () => {
    await browser?.close()
    await stack?.stop()
  })

  const open = async (options?: BrowserContextOptions) => {
    const { page, complaints, close } = await openPage(browser, stack.urls.stats, options)
    opened.push(close)
    await shows(page, "status", /healthy|degraded/)
    return { page, complaints }
  }
  const isWide = (page: Page) =>
    page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)

  test("shows the figures of a storm of writes as they are", async () => {
    const { page, complaints } = await open()
    await stack.oracle.once("storm", 600)
    await shows(page, "rate-in", /[1-9]/)
    const stats = await stack.client.drained()
    const whole = (figure: number) => figure.toLocaleString("en")
    await shows(page, "queued", whole(stats.writes_queued))
    await shows(page, "processed", whole(stats.writes_processed))
    await shows(page, "depth", "0")
    await shows(page, "workers", "1")
    expect(await text(page, "window-Full")).toMatch(/^[1-9]/)
    expect(await page.title()).toContain("0 waiting")
    expect(await page.locator(".chart canvas").count()).toBe(2)
    expect(complaints).toEqual([])
  })

  test("shows markup in a dead letter as text, and replays and discards it by keyboard", async () => {
    const { page, complaints } = await open(PHONE)
    await stack.client.post(`<b>${"key".repeat(100)}</b>`, MARKUP)
    await shows(page, "dead", "1")
    await unlock(page, "0".repeat(32))
    await shows(page, "outcome", /Unauthorized/)
    await unlock(page)
    await shows(page, "letters", /violates check constraint "no_markup" of \w+ \(SQLSTATE 23514\)/)
    expect(await page.textContent("#letters code")).toMatch(/^<b>key/)
    expect(await page.locator("#letters code").nth(1).textContent()).toBe(MARKUP)
    expect(await isWide(page)).toBe(false)

    await page.focus("#letters button")
    await page.keyboard.press("Enter")
    await shows(page, "outcome", /^1 replayed/)
    await until("the letter is back", async () => {
      await page.press("#refresh", "Enter")
      return (await page.locator("#letters li").count()) === 1
    })
    await page.focus("#letters button.danger")
    await page.keyboard.press("Enter")
    await shows(page, "question-title", /^Discard the dead letter of <b>(key)+…\?$/)
    const isCut = await page.$eval("dialog", (box) => box.scrollWidth > box.clientWidth)
    expect(isCut).toBe(false)
    await page.keyboard.press("Escape")
    expect(await text(page, "letters-count")).toContain("1")
    await page.keyboard.press("Enter")
    await page.focus("dialog [value=yes]")
    await page.keyboard.press("Enter")
    await shows(page, "outcome", "1 discarded.")
    await shows(page, "dead", "0")
    expect(await page.title()).not.toContain("pwned")
    expect(complaints.filter((line) => !line.includes("401"))).toEqual([])
  })

  test("pauses, purges what was confirmed, and resumes", async () => {
    const { page } = await open()
    await unlock(page)
    await page.click("#pause")
    await shows(page, "troubles", /Paused by an operator/)
    await stack.oracle.once("purged", 20)
    await shows(page, "depth", "20")
    await page.click("#purge")
    await shows(page, "question-title", "Throw 20 waiting writes away?")
    await page.click("dialog [value=yes]")
    await shows(page, "outcome", "20 purged.")
    await shows(page, "purged", "20")
    await page.click("#resume")
    await shows(page, "working", "alive")
    await page.click("#lock")
    expect(await page.isVisible("#unlocked")).toBe(false)
  })

  test("fits a phone, is dark in the dark, and says when there are no operations", async () => {
    const light = await open(PHONE)
    const dark = await open({ ...PHONE, colorScheme: "dark" })
    const background = (page: Page) =>
      page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    expect(await background(light.page)).toBe("rgb(246, 247, 249)")
    expect(await background(dark.page)).toBe("rgb(18, 21, 27)")
    const context = await browser.newContext(PHONE)
    opened.push(() => context.close())
    const page = await context.newPage()
    const health = { status: "unhealthy", redis: "down", postgres: "up", durability: "unknown" }
    const event = { at: 1, hasOperations: false, build: "1.2.3", health }
    await page.route("**/events", (route) =>
      route.fulfill({
        contentType: "text/event-stream",
        body: `data: ${JSON.stringify(event)}\n\n`,
      }),
    )
    await page.goto(stack.urls.stats)
    await shows(page, "operations-off", /ADMIN_TOKEN/)
    expect(await page.isVisible("#operations-off")).toBe(true)
    expect(await page.isVisible("#unlock")).toBe(false)
    await shows(page, "troubles", /Redis cannot be used/)
    await shows(page, "depth", "–")
    for (const one of [light.page, dark.page, page]) expect(await isWide(one)).toBe(false)
  })

  test("shows within two seconds that PostgreSQL is gone, and that it is back", async () => {
    const { page } = await open(PHONE)
    await stack.down("postgres", "SIGKILL")
    const gone = performance.now()
    await shows(page, "postgres", "down")
    expect(performance.now() - gone).toBeLessThan(VISIBLE_MILLIS)
    await shows(page, "status", "unhealthy")
    expect(await text(page, "troubles")).toContain("PostgreSQL cannot be used")
    await stack.oracle.once("outage", 30)
    await shows(
      page,
      "troubles",
      /Writes are held\. PostgreSQL .*nothing is lost; it goes on by itself/,
    )
    await shows(page, "depth", "30")
    expect(await isWide(page)).toBe(false)
    await stack.up("postgres")
    await shows(page, "depth", "0")
    await shows(page, "status", REDIS_KINDS[0] === "native" ? "healthy" : "degraded")
  })

  test("says that it hears nothing when the service has stopped, which it does not delay", async () => {
    const { page } = await open()
    const asked = performance.now()
    await stack.stats.end("SIGTERM")
    expect(performance.now() - asked).toBeLessThan(4_000)
    await shows(page, "status", "disconnected")
    expect(await text(page, "troubles")).toContain("hears nothing")
  })

  test("leaves the log without a key, a value or a password, and without a line for each write", () => {
    const messages = lines.map((line) => JSON.parse(line).message)
    expect(messages).toContain("batches written")
    expect(messages).toContain("batch written")
    expect(messages).toContain("writes were buried")
    expect(messages).toContain("writes are held")
    expect(lines.filter((line) => SECRET.test(line))).toEqual([])
    expect(lines.length).toBeLessThan(400)
  })
})
