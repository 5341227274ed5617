/** A headless Chromium for tests of the page, where the machine has one; everything it does is local. */
import { existsSync } from "node:fs"
import { type Browser, type BrowserContextOptions, chromium } from "playwright-core"

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

const executablePath = PATHS.find((path) => existsSync(path))

export const hasBrowser = executablePath !== undefined

const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
]

export const startBrowser = (...flags: ReadonlyArray<string>): Promise<Browser> =>
  chromium.launch({
    ...{ executablePath: executablePath ?? "", headless: true },
    args: [...FLAGS, ...flags],
  })

/** A page, and what it complained of: errors, refused files, and requests to anybody else. */
export const openPage = async (browser: Browser, url: string, options?: BrowserContextOptions) => {
  const context = await browser.newContext(options ?? {})
  const page = await context.newPage()
  const complaints: string[] = []
  page.on("pageerror", (error) => complaints.push(error.message))
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text())
  })
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) {
      complaints.push(`asked ${request.url()}`)
    }
  })
  await page.goto(url)
  return { page, complaints, close: () => context.close() }
}
