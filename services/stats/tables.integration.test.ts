/** Writes of any table on the page: dead letters and waiting ones told apart, and what is parked and why. */
import { describe, expect, test } from "vitest"
import { encodeDeadLetter, encodeWrite, makeItem } from "../../shared/item.ts"
import { openQueue } from "../../shared/queue/queue.ts"
import { TABLES } from "../../shared/tables.ts"
import { keyValue, rowOf } from "../../shared/testing/write.ts"
import type { Write } from "../../shared/write.ts"
import { hasBrowser } from "../testing/browser.ts"
import { shows, text, unlock, usePage } from "./testing/page.ts"
import { parkOn } from "./testing/park.ts"

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true }
const AT = "2026-11-22T10:00:00.000Z"
const ROW = { type: "click", payload: { a: 1 }, at: AT }
const EVENT = rowOf(TABLES.events, ROW)
const DELETION: Write = { table: TABLES.key_values, row: { key: "gone" }, isDelete: true }

describe.runIf(hasBrowser)("writes of any table on the page", () => {
  const { open, redis } = usePage()
  const queue = () => openQueue(redis(), "write_queue")

  const bury = async () => {
    const letters = [EVENT, DELETION, keyValue("k")].map((write, at) =>
      encodeDeadLetter(makeItem(at + 1, write), "bad", null, AT),
    )
    const unreadable = { version: 4, text: "junk", reason: "" }
    letters.push(encodeDeadLetter(unreadable, "is not JSON", null, AT))
    await redis().lpush(queue().keys.dead, ...letters)
  }

  test("are told apart when they are dead: by table, key and deletion", async () => {
    await bury()
    const { page, complaints } = await open(PHONE)
    await unlock(page)
    await page.waitForSelector("#letters li:nth-child(4)")
    const shown = await page.$$eval("#letters li", (items) =>
      items.map((item) => [...item.querySelectorAll("dd")].slice(0, 3).map((dd) => dd.textContent)),
    )
    expect(shown).toEqual([
      ["events", "–", JSON.stringify(ROW, null, 2)],
      ["key_values", "gone", "none: deletes the row"],
      ["key_values", "k", "v"],
      ["–", "–", "junk"],
    ])
    expect(
      await page
        .locator("#letters [data-action=Replay]")
        .evaluateAll((all) => all.map((one) => one.getAttribute("aria-label"))),
    ).toEqual([
      "Replay the dead letter of events, version 1",
      "Replay the dead letter of gone",
      "Replay the dead letter of k",
      "Replay the dead letter of no table, version 4",
    ])
    // It has more lines than fit, and the keyboard must reach them.
    expect(await page.getAttribute("#letters li:first-child code", "tabindex")).toBe("0")
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
    expect(complaints).toEqual([])
  })

  test("are filtered by their table, counted, and discarded by it alone", async () => {
    await bury()
    const { page } = await open()
    await unlock(page)
    await shows(page, "discard-all", "Discard all 4 …")
    const offered = page.locator("#tables option")
    expect(
      await offered.evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value)),
    ).toEqual(["events", "key_values"])
    await page.fill("#filter-table", " key_values ")
    await page.press("#filter-table", "Enter")
    await shows(page, "discard-all", "Discard all 2 …")
    expect(await page.locator("#reasons button").allTextContents()).toEqual([
      ...["2all reasons", "2bad"],
    ])
    await page.fill("#filter-key", "go")
    await page.press("#filter-key", "Enter")
    await shows(page, "discard-all", "Discard all 1 …")
    await page.press("#discard-all", "Enter")
    await shows(page, "question-text", /^Their table: key_values\. Their key contains: go\. Gone/)
    await page.press("dialog [value=yes]", "Enter")
    await shows(page, "outcome", "1 discarded.")
    expect(await redis().llen(queue().keys.dead)).toBe(3)
    await page.click("#lock")
    expect(await page.inputValue("#filter-table")).toBe("")
    expect(await offered.count()).toBe(0)
  })

  test("are replayed as what they were", async () => {
    await bury()
    const { page } = await open()
    await unlock(page)
    await page.waitForSelector("#letters li:nth-child(4)")
    for (const left of [3, 2]) {
      await page.press("#letters [data-action=Replay]", "Enter")
      await shows(page, "discard-all", `Discard all ${left} …`)
    }
    expect(await redis().lrange("write_queue", 0, -1)).toEqual([
      `{"version":1,"table":"events","row":${JSON.stringify(ROW)}}`,
      '{"version":2,"table":"key_values","delete":"gone"}',
    ])
  })

  test("say what they wait for when they are parked, how many, and that a table is held", async () => {
    await parkOn(queue(), "events", ...Array(1_200).fill(encodeWrite(EVENT)))
    await parkOn(queue(), "events.note", '{"table":"events","row":{"note":"n"}}')
    await queue().enqueue({ most: 9_999, isFirst: false, writes: [encodeWrite(keyValue("k"))] })
    const hold = "PostgreSQL does not answer (X); nothing is lost\nevents: The table is missing (Y)"
    await queue().heartbeat({ worker: "w", lease: 60_000, hold, most: 10, ids: [] })
    const { page, complaints } = await open(PHONE)
    await shows(page, "parked", "1,201 set aside")
    await shows(page, "depth", "1,202")
    const troubles = await page.locator("#troubles li").allTextContents()
    for (const line of [
      "Writes are held. PostgreSQL does not answer (X); nothing is lost",
      "Writes of events are held. The table is missing (Y)",
      "1,200 writes of events are set aside until the table can be written.",
      "1 write of events waits for a worker that knows the column note.",
    ]) {
      expect(troubles).toContain(line)
    }
    expect(await page.locator("#workers-list .note").allTextContents()).toEqual(hold.split("\n"))
    await unlock(page)
    await shows(page, "waiting-count", "10 of the oldest · 1,201 set aside")
    const parked = page.locator("#waiting .set-aside")
    expect((await parked.allTextContents()).slice(0, 2)).toEqual([
      ...["for the column note of events", "for the table events"],
    ])
    expect(await page.textContent("#waiting li:first-child")).not.toContain("set aside")
    await page.press("#purge", "Enter")
    await shows(page, "question-title", "Throw 1,202 waiting writes away?")
    await shows(page, "question-text", /^1,201 of them are set aside\. They were accepted/)
    await page.press("dialog [value=yes]", "Enter")
    await shows(page, "outcome", "1,202 purged.")
    await shows(page, "parked", "")
    await shows(page, "depth", "0")
    expect(await text(page, "waiting-count")).toBe("none")
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
    expect(complaints).toEqual([])
  })
})
