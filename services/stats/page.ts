/**
 * GET /: the page for operators, as its files are. Plain HTML, CSS and JavaScript: nothing is built, and
 * nothing comes from another host. What a browser may do with them is said as strictly as it can be.
 */
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import type { Hono } from "hono"
import { type Call, CONTRACT } from "../../shared/contract.ts"
import { problem } from "../../shared/http/answer.ts"

/** No inline script or style runs, so a key or a value that looks like one is text and nothing else. */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"],
  ...["img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join("; ")

const HEADERS = {
  // With the next version of the service all files of the page are the next ones.
  "cache-control": "no-cache",
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
}

const TYPES = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
}

const OWN = [
  ...[
    "scheme.css",
    "page.css",
    "cards.css",
    "shards.css",
    "operations.css",
    "page.js",
    "show.js",
    "format.js",
    "flow.js",
  ],
  ...["chart.js", "list.js", "question.js", "call.js", "record.js", "letters.js", "waiting.js"],
  ...["operations.js", "reasons.js", "shards.js"],
]

const own = (name: string) => new URL(`page/${name}`, import.meta.url)
const { resolve } = createRequire(import.meta.url)

/** By path: where the file is. A packaged file is found when it is asked for, like any other. */
const FILES: Readonly<Record<string, () => URL | string>> = {
  "/": () => own("index.html"),
  ...Object.fromEntries(OWN.map((name) => [`/${name}`, () => own(name)])),
  "/uplot.js": () => resolve("uplot/dist/uPlot.iife.min.js"),
  "/uplot.css": () => resolve("uplot/dist/uPlot.min.css"),
}

const typeOf = (path: string) =>
  path === "/" ? TYPES.html : TYPES[path.split(".").at(-1) as keyof typeof TYPES]

/** Each file is a call, like the page itself. */
export const PAGE_CALLS: Readonly<Record<`GET /${string}`, Call>> = Object.fromEntries(
  Object.keys(FILES).map((path) => [
    `GET ${path}`,
    { ...CONTRACT.stats["GET /"], answers: { 200: typeOf(path) } },
  ]),
)

/**
 * Adds the page to the app. Each file is read once, when it is first asked for: on Deno without the right
 * to read them the service does all else.
 */
export const addPage = (
  app: Hono,
  read = (file: URL | string): Promise<string> => readFile(file, "utf8"),
) => {
  for (const [path, find] of Object.entries(FILES)) {
    let text: Promise<string> | undefined
    const headers = { ...HEADERS, "content-type": typeOf(path) }
    app.get(path, async () => {
      try {
        text ??= read(find())
        return new Response(await text, { headers })
      } catch {
        text = undefined
        return problem("page-unavailable")
      }
    })
  }
}
