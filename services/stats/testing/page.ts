/** The page over a Redis alone, for tests of what is on it: no PostgreSQL and no worker is waited for. */
import type { BrowserContextOptions, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll } from "vitest"
import { freePort } from "../../../scripts/servers/port.ts"
import { type Service, startService } from "../../../scripts/servers/service.ts"
import { encodeDeadLetter, makeItem } from "../../../shared/item.ts"
import { queueKeys } from "../../../shared/queue/keys.ts"
import { keyValue } from "../../../shared/testing/write.ts"
import { openPage, startBrowser } from "../../testing/browser.ts"
import { REDIS_KINDS, useRedis } from "../../testing/redis.ts"
import { until } from "../../testing/until.ts"

export const ADMIN_TOKEN = "0123456789abcdef0123456789abcdef"
const KEYS = queueKeys("write_queue")
const AT = "2026-11-22T10:00:00.000Z"

export interface Letter {
  readonly version: number
  readonly key?: string
  readonly value?: string
  readonly reason?: string
}

const encode = ({ version, key = `key:${version}`, value = "v", reason = "refused" }: Letter) =>
  encodeDeadLetter(makeItem(version, keyValue(key, value)), reason, null, AT)

/** The text of an element, and waiting for it. */
export const text = async (page: Page, id: string) => (await page.textContent(`#${id}`)) ?? ""
export const shows = async (page: Page, id: string, wanted: string | RegExp) => {
  let found = ""
  await until(`#${id} shows ${wanted}`, async () => {
    found = await text(page, id)
    return typeof wanted === "string" ? found === wanted : wanted.test(found)
  }).catch((error) => {
    throw new Error(`${error.message}, but ${JSON.stringify(found)}`)
  })
}
export const unlock = async (page: Page, token = ADMIN_TOKEN) => {
  await page.fill("#token", token)
  await page.press("#token", "Enter")
}

export const usePage = (env: Readonly<Record<string, string>> = {}) => {
  const server = useRedis(REDIS_KINDS[0])
  let stats: Service
  let browser: Awaited<ReturnType<typeof startBrowser>>
  const closing: Array<() => Promise<void>> = []

  beforeAll(async () => {
    const DATABASE_URL = `postgres://nobody:none@127.0.0.1:${await freePort()}/none`
    const all = { ADMIN_TOKEN, REDIS_URL: server().url, DATABASE_URL, LOG_LEVEL: "info", ...env }
    const [started, launched] = await Promise.all([
      startService("stats", { env: all }),
      startBrowser(),
    ])
    stats = started
    browser = launched
  })
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
    await server().connection.flushdb()
  })
  afterAll(async () => {
    await browser?.close()
    await stats?.stop()
  })

  return {
    url: () => stats.url,
    redis: () => server().connection,
    redisUrl: () => server().url,
    /** Opens the page, and closes it after the test. */
    open: async (options?: BrowserContextOptions, url = stats.url) => {
      const opened = await openPage(browser, url, options)
      closing.push(opened.close)
      await shows(opened.page, "status", /healthy|degraded/)
      return opened
    },
    /** Adds dead letters, the oldest first, and counts them. */
    bury: async (...letters: ReadonlyArray<Letter>) => {
      const failed = String(letters.length)
      const redis = server().connection
      await redis.lpush(KEYS.dead, ...letters.map(encode))
      await redis.hincrby(KEYS.counters, "failed", failed)
      await redis.hincrby(KEYS.counters, "queued", failed)
    },
    closing,
  }
}
