/**
 * What is no proper request, byte by byte against the real processes: these are the bad inputs whose answer
 * the runtime decides, before or beside our code. Where Deno answers otherwise than Node, it says so here.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Runtime } from "../scripts/service.ts"
import { openConnection, requestText } from "./testing/connection.ts"
import { REDIS_KINDS, type Stack, startStack } from "./testing/stack.ts"

const WRITE = '{"key":"known","value":"b"}'
const JSON_TYPE = "Content-Type: application/json"
const LENGTH = `Content-Length: ${WRITE.length}`
const CHUNKED = "Transfer-Encoding: chunked"

/** Far above every body of a write, and what no buffer between the two ends holds. */
const HUGE = 9_000_000
const CHUNK = `10000\r\n${"x".repeat(65_536)}\r\n`

const post = (headers: ReadonlyArray<string>, body: string) =>
  requestText("POST /write HTTP/1.1", [JSON_TYPE, ...headers], body)
const get = (path: string) => requestText(`GET ${path} HTTP/1.1`)
const health = (...headers: ReadonlyArray<string>) => requestText("GET /health HTTP/1.1", headers)

/**
 * An answer: its status and the name of its problem. A status alone is the runtime's own refusal, without
 * a body; "closed" is no answer at all.
 */
type Answered = string
type Case = readonly [
  what: string,
  service: "ingest" | "reader",
  request: string,
  node: Answered,
  /** Left out: the same. */
  deno?: Answered,
]

const BAD = "400 bad-request"
const BAD_KEY = "400 malformed-key"

const CASES: ReadonlyArray<Case> = [
  ["too large a length", "ingest", post([`Content-Length: ${HUGE}`], ""), "413 body-too-large"],
  ["too many chunks", "ingest", post([CHUNKED], CHUNK.repeat(20)), "413 body-too-large"],
  ["a length and chunks", "ingest", post([LENGTH, CHUNKED], WRITE), BAD, "400"],
  ["two lengths", "ingest", post([LENGTH, "Content-Length: 1"], WRITE), BAD, "400"],
  ["a length below zero", "ingest", post(["Content-Length: -1"], WRITE), BAD, "400"],
  ["chunks that are none", "ingest", post([CHUNKED], "zz\r\n"), BAD, "closed"],
  ["another coding", "ingest", post(["Transfer-Encoding: gzip"], "zz"), BAD, "400"],
  ["no HTTP", "ingest", "hello\r\n\r\n", BAD, "400"],
  ["the first bytes of TLS", "ingest", "\x16\x03\x01\x00\x05\x01\x00\r\n", BAD, "400"],
  ["a version that is none", "ingest", requestText("GET /health HTTP/9.9"), BAD, "400"],
  [
    "100 KB of headers",
    "ingest",
    health(`X: ${"x".repeat(100_000)}`),
    "431 headers-too-large",
    "400",
  ],
  [
    "17 KB of headers",
    "ingest",
    health(`X: ${"x".repeat(17_000)}`),
    "431 headers-too-large",
    "200",
  ],
  ["no host", "ingest", "GET /health HTTP/1.1\r\n\r\n", BAD, "200"],
  [
    "a host that is none",
    "ingest",
    "GET /health HTTP/1.1\r\nHost: a b/c\r\n\r\n",
    BAD,
    "404 not-found",
  ],
  ["a control character in a header", "ingest", health("X: a\x01b"), BAD, "400"],
  [
    "an expectation that is none",
    "ingest",
    post([LENGTH, "Expect: tea"], WRITE),
    "417 expectation-failed",
    "202",
  ],
  [
    "a method in small letters",
    "ingest",
    requestText("get /health HTTP/1.1"),
    BAD,
    "405 method-not-allowed",
  ],
  ["TRACE", "ingest", requestText("TRACE /write HTTP/1.1"), "405 method-not-allowed"],
  ["a space in the path", "reader", get("/read/a b"), BAD, "400"],
  ["a percent sign alone", "reader", get("/read/100%"), BAD_KEY],
  ["a percent sign before what is no number", "reader", get("/read/%zz"), BAD_KEY],
  ["bytes that are no UTF-8", "reader", get("/read/%ff"), BAD_KEY],
  ["an encoded surrogate", "reader", get("/read/%ED%A0%80"), BAD_KEY],
  ["U+0000", "reader", get("/read/%00"), BAD_KEY],
  ["two dots", "reader", get("/read/.."), "404 not-found"],
  ["two encoded dots", "reader", get("/read/%2e%2e"), "404 not-found"],
  ["one dot", "reader", get("/read/."), "404 not-found", BAD_KEY],
  // Node resolves dot segments as RFC 3986 has it; what they lead to is served to anybody anyway.
  ["dots that lead elsewhere", "reader", get("/read/../health"), "200", "404 not-found"],
  ["a slash too many", "reader", get("//read/known"), "404 not-found"],
  ["a slash in the key", "reader", get("/read/a/b"), "404 not-found"],
  ["no key", "reader", get("/read/"), "404 not-found"],
  ["a key of 5,000 bytes", "reader", get(`/read/${"k".repeat(5_000)}`), BAD_KEY],
  [
    "a key of 17,000 bytes",
    "reader",
    get(`/read/${"k".repeat(17_000)}`),
    "431 headers-too-large",
    BAD_KEY,
  ],
  ["a key with CR and LF", "reader", get("/read/%0d%0aX-Evil:%201"), "404 no-such-key"],
  [
    "a body with a GET",
    "reader",
    requestText("GET /read/known HTTP/1.1", ["Content-Length: 2"], "{}"),
    "200",
  ],
  ["another host in the path", "reader", get("http://evil.example/read/known"), "200"],
]

export const input = (runtime: Runtime) =>
  describe(`on ${runtime}`, () => {
    let stack: Stack
    beforeAll(async () => {
      stack = await startStack({ redis: REDIS_KINDS[0], runtime })
      await stack.client.visible("known", await stack.client.write("known", "b"))
    })
    afterAll(() => stack?.stop())

    for (const [what, service, request, node, deno = node] of CASES) {
      const expected = runtime === "node" ? node : deno
      test(`${what}: ${expected}`, async () => {
        const connection = await openConnection(stack[service].port)
        connection.send(request)
        const [found] = await (expected === "closed" ? connection.end() : connection.answers())
        connection.socket.destroy()
        const isProblem = /content-type: application\/problem\+json/i.test(found?.headers ?? "")
        const { type = "", success } = isProblem ? JSON.parse(found?.body ?? "") : {}
        if (isProblem) expect(success).toBe(false)
        const name = type.replace("/problems/", " ")
        expect(found ? `${found.status}${name}` : "closed").toBe(expected)
        expect(found?.headers ?? "").not.toMatch(/x-evil|access-control/i)
      })
    }

    test("HEAD has the headers of GET, and no body", async () => {
      const [get, head] = await Promise.all(
        ["GET", "HEAD"].map((method) => fetch(`${stack.urls.reader}/read/known`, { method })),
      )
      expect([head?.status, await head?.text()]).toEqual([200, ""])
      expect(head?.headers.get("content-type")).toBe(get?.headers.get("content-type"))
    })

    test("none of it was queued, and all processes live", async () => {
      // On Deno an expectation that it does not know is no reason to refuse a sound write.
      const queued = runtime === "node" ? 1 : 2
      expect((await stack.client.drained()).writes_queued).toBe(queued)
      expect((await stack.client.health()).code).toBe(200)
      expect((await stack.client.read("known")).status).toBe(200)
    })
  })
