/** The client on Node, on Deno and in a browser, on the page of a site that is neither ingest nor reader. */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { createServer } from "node:http"
import { stripTypeScriptTypes } from "node:module"
import type { AddressInfo } from "node:net"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { hasBrowser, startBrowser } from "../testing/browser.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { type Stack, startStack } from "../testing/stack.ts"

const run = promisify(execFile)
const ROOT = new URL("../../", import.meta.url)
const MAIN = "services/together/testing/journey-main.ts"

const EXPECTED = {
  committed: true,
  value: "ä🗝",
  payloads: [{ x: 1 }, { x: 2 }],
  left: null,
  refused: [422, "/problems/invalid-write"],
}

const JOURNEY = "services/together/testing/journey.ts"

/** What a browser loads, by its path from the folder of the project. */
const FILES = [JOURNEY, "shared/client.ts", "shared/client/call.ts"]

const PAGE = `<script type="module">
import { travel } from "/${JOURNEY}"
globalThis.travel = travel
</script>`

/**
 * A site as a shop has one: its pages, scripts in plain JavaScript, and the reader behind the paths of the reader,
 * because browsers of other sites do not read.
 */
const site = createServer(async ({ url = "/", headers }, response) => {
  if (url.startsWith("/read/")) {
    const { prefer } = headers
    const init = prefer === undefined ? {} : { headers: { prefer: String(prefer) } }
    const answer = await fetch(stack.urls.reader + url, init)
    return response.writeHead(answer.status).end(await answer.text())
  }
  const file = FILES.find((name) => url === `/${name}`)
  const type = file ? "text/javascript" : "text/html"
  const text = file ? stripTypeScriptTypes(await readFile(new URL(file, ROOT), "utf8")) : PAGE
  return response.writeHead(200, { "content-type": type }).end(text)
})

let stack: Stack
/** Not of this machine, as a browser sees it: there it keeps some things from pages without TLS. */
let shop: string
beforeAll(async () => {
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve))
  shop = `http://shop.example:${(site.address() as AddressInfo).port}`
  stack = await startStack({ redis: REDIS_KINDS[0], env: { ALLOWED_ORIGINS: shop } })
})
afterAll(async () => {
  await stack?.stop()
  site.close().closeAllConnections()
})

test.each([
  ["Node", process.execPath, []],
  ["Deno", "deno", ["run", "--no-prompt", "--allow-net=127.0.0.1"]],
])("the client's calls work on %s", async (name, command, flags) => {
  const { ingest, reader } = stack.urls
  const parameters = [...flags, MAIN, ingest, reader, `a/b of ${name}`]
  const { stdout } = await run(command, parameters, { cwd: fileURLToPath(ROOT) })
  expect(JSON.parse(stdout)).toEqual(EXPECTED)
})

test.skipIf(!hasBrowser)("the client's calls work in a browser", async () => {
  const browser = await startBrowser("--host-resolver-rules=MAP shop.example 127.0.0.1")
  try {
    const page = await browser.newPage()
    await page.goto(shop)
    const places = [stack.urls.ingest, shop, "a/b of a browser"]
    const found = page.evaluate(`travel(...${JSON.stringify(places)})`)
    expect(await found).toEqual(EXPECTED)
  } finally {
    await browser.close()
  }
})
