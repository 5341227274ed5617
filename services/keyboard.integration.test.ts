/** The page by keyboard: each question has its own answer, and nothing moves the focus of who types. */
import type { Page } from "playwright-core"
import { describe, expect, test } from "vitest"
import { hasBrowser } from "./browser.suite.ts"
import { shows, text, unlock, usePage } from "./page.suite.ts"

const focused = (page: Page) =>
  page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? null)

describe.runIf(hasBrowser)("the page by keyboard", () => {
  const { open, bury } = usePage()

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
    await shows(page, "question-title", "Discard this dead letter?")
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
})
