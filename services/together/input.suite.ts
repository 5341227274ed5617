/**
 * What is no proper request, and what is an odd one, byte by byte against the real processes: their answer is
 * decided by the runtime, before or beside our code, and both have the same.
 */
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Runtime } from "../../scripts/servers/service.ts"
import { openConnection, requestText } from "../testing/connection.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { type Stack, startStack } from "../testing/stack.ts"

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
const remove = (path: string) => requestText(`DELETE ${path} HTTP/1.1`)
const health = (...headers: ReadonlyArray<string>) => requestText("GET /health HTTP/1.1", headers)

/** The answer is its status and the name of its problem. */
type Case = readonly [what: string, service: "ingest" | "reader", request: string, answer: string]

const BAD = "400 bad-request"
const BAD_KEY = "400 malformed-key"
const EXPECTATION = "417 expectation-failed"

const CASES: ReadonlyArray<Case> = [
  ["too large a length", "ingest", post([`Content-Length: ${HUGE}`], ""), "413 body-too-large"],
  ["too many chunks", "ingest", post([CHUNKED], CHUNK.repeat(20)), "413 body-too-large"],
  ["a length and chunks", "ingest", post([LENGTH, CHUNKED], WRITE), BAD],
  ["two lengths", "ingest", post([LENGTH, "Content-Length: 1"], WRITE), BAD],
  ["a length below zero", "ingest", post(["Content-Length: -1"], WRITE), BAD],
  ["chunks that are none", "ingest", post([CHUNKED], "zz\r\n"), BAD],
  ["another coding", "ingest", post(["Transfer-Encoding: gzip"], "zz"), BAD],
  ["no HTTP", "ingest", "hello\r\n\r\n", BAD],
  ["the first bytes of TLS", "ingest", "\x16\x03\x01\x00\x05\x01\x00\r\n", BAD],
  ["a version that is none", "ingest", requestText("GET /health HTTP/9.9"), BAD],
  ["100 KB of headers", "ingest", health(`X: ${"x".repeat(100_000)}`), "431 headers-too-large"],
  ["17 KB of headers", "ingest", health(`X: ${"x".repeat(17_000)}`), "431 headers-too-large"],
  ["no host", "ingest", "GET /health HTTP/1.1\r\n\r\n", BAD],
  ["a host that is none", "ingest", "GET /health HTTP/1.1\r\nHost: a b/c\r\n\r\n", BAD],
  ["a control character in a header", "ingest", health("X: a\x01b"), BAD],
  ["an expectation that is none", "ingest", post([LENGTH, "Expect: tea"], WRITE), EXPECTATION],
  ["a method in small letters", "ingest", requestText("get /health HTTP/1.1"), BAD],
  ["TRACE", "ingest", requestText("TRACE /write HTTP/1.1"), "405 method-not-allowed"],
  ["a space in the path", "reader", get("/read/a b"), BAD],
  ["a percent sign alone", "reader", get("/read/100%"), BAD_KEY],
  ["a percent sign before what is no number", "reader", get("/read/%zz"), BAD_KEY],
  ["bytes that are no UTF-8", "reader", get("/read/%ff"), BAD_KEY],
  ["an encoded surrogate", "reader", get("/read/%ED%A0%80"), BAD_KEY],
  ["U+0000", "reader", get("/read/%00"), BAD_KEY],
  ["two dots", "reader", get("/read/.."), "404 not-found"],
  ["two encoded dots", "reader", get("/read/%2e%2e"), "404 not-found"],
  ["one dot", "reader", get("/read/."), "404 not-found"],
  // Dot segments are resolved as RFC 3986 has it; what they lead to is served to anybody anyway.
  ["dots that lead elsewhere", "reader", get("/read/../health"), "200"],
  ["a slash too many", "reader", get("//read/known"), "404 not-found"],
  ["a slash in the key", "reader", get("/read/a/b"), "404 no-such-table"],
  ["two slashes in the key", "reader", get("/read/a/b/c"), "404 not-found"],
  ["no key", "reader", get("/read/"), "404 not-found"],
  ["a key of 5,000 bytes", "reader", get(`/read/${"k".repeat(5_000)}`), BAD_KEY],
  ["a key of 17,000 bytes", "reader", get(`/read/${"k".repeat(17_000)}`), "431 headers-too-large"],
  ["a key with CR and LF", "reader", get("/read/%0d%0aX-Evil:%201"), "404 no-such-key"],
  [
    "a body with a GET",
    "reader",
    requestText("GET /read/known HTTP/1.1", ["Content-Length: 2"], "{}"),
    "200",
  ],
  ["two dots after a table", "reader", get("/read/events/.."), "404 not-found"],
  ["two dots for a table", "reader", get("/read/%2e%2e/health"), "200"],
  ["a version that is none", "reader", get("/read/events/1e3"), BAD_KEY],
  ["a table that every object has", "reader", get("/read/__proto__/1"), "404 no-such-table"],
  ["a percent sign alone in a query", "reader", get("/read?key=100%"), BAD_KEY],
  ["a percent sign alone in a deletion", "ingest", remove("/write/100%"), BAD_KEY],
  ["two dots in a deletion", "ingest", remove("/write/key_values/.."), "404 not-found"],
  ["a deletion without a key", "ingest", remove("/write"), "405 method-not-allowed"],
  ["a deletion of all", "ingest", remove("/write/"), "404 not-found"],
  ["a deletion where none is", "ingest", remove("/write/events/1"), "405 method-not-allowed"],
  ["another host in the path", "reader", get("http://evil.example/read/known"), "200"],
]

/** What clients offer beside a write, in the hope of another protocol: the first is the JDK's. */
const UPGRADES = [
  ["h2c", "Upgrade, HTTP2-Settings", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"],
  ["websocket", "keep-alive, Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
  ["TLS/1.0, other/2", "upgrade", "X: y"],
] as const

export const input = (runtime: Runtime) =>
  describe(`on ${runtime}`, () => {
    let stack: Stack
    beforeAll(async () => {
      stack = await startStack({ redis: REDIS_KINDS[0], runtime })
      await stack.client.visible("known", await stack.client.write("known", "b"))
    })
    afterAll(() => stack?.stop())

    for (const [what, service, request, expected] of CASES) {
      test(`${what}: ${expected}`, async () => {
        const connection = await openConnection(stack[service].port)
        connection.send(request)
        const [found] = await connection.answers()
        connection.socket.destroy()
        const isProblem = /content-type: application\/problem\+json/i.test(found?.headers ?? "")
        const { type = "", success } = isProblem ? JSON.parse(found?.body ?? "") : {}
        if (isProblem) expect(success).toBe(false)
        const name = type.replace("/problems/", " ")
        expect(`${found?.status}${name}`).toBe(expected)
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
      expect((await stack.client.drained()).writes_queued).toBe(1)
      expect((await stack.client.health()).code).toBe(200)
      expect((await stack.client.read("known")).status).toBe(200)
    })

    test("gzips, one after the other, are read, a bomb is not, and the process lives", async () => {
      const postAll = (...parts: ReadonlyArray<string>) =>
        fetch(`${stack.urls.ingest}/writes`, {
          method: "POST",
          headers: { "content-type": "application/x-ndjson", "content-encoding": "gzip" },
          body: Buffer.concat(parts.map((part) => gzipSync(part))),
        })
      const zeros = "\n".repeat(1_024 * 1_024)
      expect((await postAll(...Array(20).fill(zeros))).status).toBe(413)
      const answer = await postAll(WRITE.slice(0, 9), `${WRITE.slice(9)}\n`, WRITE)
      expect(await answer.json()).toMatchObject({ queued: 2 })
    })

    test.each(UPGRADES)("a write that offers %s is accepted", async (protocol, options, header) => {
      const connection = await openConnection(stack.ingest.port)
      const offer = [`Upgrade: ${protocol}`, `Connection: ${options}`, header]
      connection.send(post([LENGTH, ...offer], WRITE))
      expect((await connection.answers(1)).map(({ status }) => status)).toEqual([202])
      // The connection stays one of HTTP/1.1.
      connection.send(post([LENGTH], WRITE))
      expect((await connection.answers(2)).map(({ status }) => status)).toEqual([202, 202])
      connection.socket.destroy()
    })

    test.each(["1.1", "1.0"])(
      "a client of HTTP/%s that closes its side first is answered, and then disconnected",
      async (version) => {
        const connection = await openConnection(stack.ingest.port)
        connection.socket.end(post([LENGTH], WRITE).replace("HTTP/1.1", `HTTP/${version}`))
        expect((await connection.end()).map(({ status }) => status)).toEqual([202])
      },
    )
  })
