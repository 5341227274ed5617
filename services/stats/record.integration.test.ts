/** Dead letters and waiting writes on the page, whatever they are of. */
import { describe, expect, test } from "vitest"
import { hasBrowser } from "../testing/browser.ts"
import { unlock, usePage } from "./testing/page.ts"

describe.runIf(hasBrowser)("records on the page", () => {
  const { open, redis } = usePage()

  test("show what they have, and not all has a table or a key", async () => {
    const end = { reason: "bad", sqlstate: "23514", at: "2026-11-22T10:00:00.000Z" }
    const row = { type: "click", payload: [1], at: "2026-11-22T10:00:00.000Z" }
    await redis().lpush(
      "{write_queue}:dead",
      JSON.stringify({ version: 1, table: "events", row, ...end }),
      JSON.stringify({ version: 2, table: "key_values", delete: "k", ...end }),
      JSON.stringify({ version: 3, key: null, value: "junk", ...end }),
    )
    await redis().lpush("write_queue", JSON.stringify({ version: 1, table: "events", row }))
    const { page } = await open({ timezoneId: "UTC" })
    await unlock(page)
    await page.waitForSelector("#letters li:nth-child(3)")
    const shown = async (selector: string) => {
      const labels = await page.locator(`${selector} dt`).allTextContents()
      const texts = await page.locator(`${selector} dd`).allTextContents()
      return labels.map((label, at) => `${label}: ${texts[at]}`.replaceAll(/\s+/g, ""))
    }
    const json = JSON.stringify(row)
    const known = (version: number) => [
      ...["reason:bad(SQLSTATE23514)", "buried:2026-11-2210:00:00", `version:${version}`],
    ]
    expect(await shown("#letters li:nth-child(1)")).toEqual([
      ...["key:none", `value(JSON):${json}`, "table:events", ...known(1)],
    ])
    expect(await shown("#letters li:nth-child(2)")).toEqual([
      ...["key:k", "value:", "table:key_values", ...known(2)],
    ])
    expect(await shown("#letters li:nth-child(3)")).toEqual([
      ...["key:none", "value:junk", ...known(3)],
    ])
    expect(await shown("#waiting")).toEqual([
      ...[`value(JSON):${json}`, "table:events", "accepted:–", "version:1"],
    ])
  })
})
