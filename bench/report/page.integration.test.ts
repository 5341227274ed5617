import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { temporaryDirectory } from "../../scripts/servers/directory.ts"
import { hasBrowser, openPage, startBrowser } from "../../services/testing/browser.ts"
import { sampleResults } from "../result-sample.ts"
import { renderPage } from "./page.ts"

/** A line alone colours this many pixels of its plot. */
const PIXELS_MIN = 300

describe.runIf(hasBrowser)("the report in a browser", () => {
  let browser: Awaited<ReturnType<typeof startBrowser>>
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let url: string

  beforeAll(async () => {
    directory = await temporaryDirectory()
    browser = await startBrowser()
    const file = join(directory.path, "report.html")
    await writeFile(file, renderPage(sampleResults()))
    url = pathToFileURL(file).href
  })
  afterAll(async () => {
    await browser?.close()
    await directory?.remove()
  })

  it.each(["light", "dark"] as const)(
    "draws every plot in the %s, and asks nobody",
    async (how) => {
      const { page, complaints } = await openPage(browser, url, { colorScheme: how })
      const pixels = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLCanvasElement>(".plot canvas")].map((canvas) => {
          const { data } =
            canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? {}
          return data?.filter((value, at) => at % 4 === 3 && value > 0).length ?? 0
        }),
      )
      expect(pixels).toHaveLength(13)
      expect(Math.min(...pixels)).toBeGreaterThan(PIXELS_MIN)
      expect(complaints).toEqual([])
    },
  )

  it("fits a phone, and follows a change to the dark", async () => {
    const options = { viewport: { width: 360, height: 740 }, colorScheme: "light" } as const
    const { page } = await openPage(browser, url, options)
    const look = () =>
      page.evaluate(() => document.querySelector<HTMLCanvasElement>(".plot canvas")?.toDataURL())
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
    const light = await look()
    await page.emulateMedia({ colorScheme: "dark" })
    await expect.poll(look).not.toBe(light)
  })
})
