/**
 * What nobody thought of: strings, bodies, paths and headers that are searched for instead. What ingest
 * accepts reads back byte for byte, and nothing that can be sent breaks a process or gets into a log.
 */
import { connect } from "node:net"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { parseKey } from "../../shared/write.ts"
import { CANARY } from "../testing/sent.ts"
import type { Stack } from "../testing/stack.ts"
import { SEED } from "./testing/settings.ts"
import { ADMIN_TOKEN, faults, startFaultStack } from "./testing/stack.ts"

const PAIRS_RUNS = 15
const PAIRS_EACH = 40
const REQUEST_RUNS = 100
const REQUESTS_EACH = 20

/** The server's own limit for a request that is not complete is 10 s; half of these end at once. */
const CLOSED_LIMIT_MILLIS = 15_000

/** Characters that some layer between a client and the table has a meaning for. */
const AWKWARD = [..."\"'\\{}[](),%/?#&=+;: \t\r\n\0\u2028\ufeff\u200d", "NULL", "$1", "é", "🙂"]

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...AWKWARD), maxLength: 30 }),
  // Halves of pairs, alone and in the wrong order.
  fc.string({ unit: fc.integer({ min: 0xd7f0, max: 0xe010 }).map((c) => String.fromCharCode(c)) }),
  fc.constantFrom("__proto__", "constructor", "toString", ".", "..", "", "%2e", "null"),
)

const isKey = (key: string) => parseKey(DEFAULT_TABLE, key) !== null
const isValue = (value: string) => value.isWellFormed() && !value.includes("\0")

/** A line of a request may hold any byte but those that end it. */
const line = fc
  .string({
    unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
    maxLength: 40,
  })
  .map((value) => value.replaceAll(/[\r\n]/g, ""))

const among = (letters: string) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 20 })
const token = among("abcXYZ019-_.!#$%&'*+^`|~")
const printable = among("abc XYZ019\t\"'\\(){}[]<>,;:=/?@%é\u00ff")

/** Most of them are as they should be, so that not every request ends at its headers. */
const header = fc.oneof(
  fc.constantFrom(
    "Content-Type: application/json",
    "Content-Type: text/plain",
    "Content-Type: application/json; charset=utf-16",
    "Content-Encoding: gzip",
    "Transfer-Encoding: chunked",
    "Content-Length: 5",
    "Expect: 100-continue",
    "Connection: upgrade, close",
    "Upgrade: h2c",
    `Authorization: Bearer ${ADMIN_TOKEN}x`,
    `Authorization: Basic ${CANARY}`,
    `Cookie: ${CANARY}=${CANARY}`,
    `Idempotency-Key: ${CANARY}`,
    "Range: bytes=0-0",
    "Origin: https://evil.example",
  ),
  fc.tuple(token, printable).map(([name, value]) => `X${name}: ${CANARY}${value}`),
  fc.tuple(line, line).map(([name, value]) => `${name}: ${CANARY}${value}`),
)

const body = fc.oneof(
  fc.constant(JSON.stringify({ key: CANARY, value: CANARY })),
  fc.tuple(text, text).map(([key, value]) => JSON.stringify({ key: CANARY + key, value })),
  fc.json().map((json) => `{"key":"${CANARY}","value":${json}}`),
  fc.json(),
  fc.tuple(line, line).map(([a, b]) => `{"key":"${CANARY}${a}","value":"${CANARY}${b}"}`),
  line,
)

const path = fc.oneof(
  fc.constantFrom("/write", "/stats", "/health", "/metrics", "/dead?limit=1", "/queue", "/", "*"),
  text.map((key) => `/read/${encodeURIComponent(key.toWellFormed())}${CANARY}`),
  among("ab%/.2eEfF+?&=;:@~").map((rest) => `/read/${CANARY}${rest}`),
  among("ab%/.2eEfF+?&=;:@~").map((rest) => `/${rest}`),
  line.map((rest) => `/read/${CANARY}${rest}`),
  line.map((rest) => `/dead?after=${rest}${CANARY}`),
)

const request = fc
  .record({
    method: fc.constantFrom("GET", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"),
    path,
    headers: fc.array(header, { maxLength: 3 }),
    body,
    hasLength: fc.boolean(),
    isJson: fc.boolean(),
  })
  .map(({ method, path: target, headers, body: content, hasLength, isJson }) => {
    const lines = [
      `${method} ${target} HTTP/1.1`,
      "Host: localhost",
      ...headers,
      ...(isJson ? ["Content-Type: application/json"] : []),
      ...(hasLength ? [`Content-Length: ${Buffer.byteLength(content, "latin1")}`] : []),
    ]
    return `${lines.join("\r\n")}\r\n\r\n${content}`
  })

/** Sends the bytes, says that there are no more, and returns what came back. */
const exchange = async (port: number, bytes: string): Promise<string> => {
  const socket = connect(port, "127.0.0.1")
  let answer = ""
  socket.setEncoding("latin1").on("data", (data: string) => {
    answer += data
  })
  // What was answered before a reset counts.
  socket.on("error", () => {})
  const closed = new Promise((resolve) => socket.once("close", resolve))
  socket.end(Buffer.from(bytes, "latin1"))
  socket.setTimeout(CLOSED_LIMIT_MILLIS, () => socket.destroy())
  await closed
  return answer
}

/** Nothing but the answers of a success may show what was sent. Returns the statuses. */
const judge = (sent: string, answer: string) => {
  const statuses = [...answer.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => status)
  for (const status of statuses) {
    const isFailure = Number(status) >= 500 && status !== "503"
    if (isFailure) throw new Error(`${status} to ${JSON.stringify(sent)}`)
  }
  const isProblem = /application\/problem\+json/.test(answer)
  if (isProblem && answer.includes(CANARY)) throw new Error(`quoted: ${JSON.stringify(sent)}`)
  return statuses
}

faults.each(["node", "deno"] as const)("on %s", (runtime) => {
  let stack: Stack
  beforeAll(async () => {
    stack = await startFaultStack({ runtime })
  })
  afterAll(() => stack?.stop())

  test("any pair of strings that ingest accepts reads back byte for byte", async () => {
    const { client } = stack
    const tryPair = async (key: string, value: string) => {
      const response = await client.post(key, value)
      const isWrite = isKey(key) && isValue(value)
      expect(response.status).toBe(isWrite ? 202 : 422)
      const { version } = (await response.json()) as { version: number }
      if (isWrite) expect((await client.visible(key, version)).value).toBe(value)
    }
    const pairs = fc.uniqueArray(fc.tuple(text, text), {
      ...{ minLength: PAIRS_EACH, maxLength: PAIRS_EACH, selector: ([key]) => key },
    })
    const property = fc.asyncProperty(pairs, async (some) => {
      await Promise.all(some.map(([key, value]) => tryPair(key, value)))
    })
    await fc.assert(property, { seed: SEED, numRuns: PAIRS_RUNS, endOnFailure: true })
  })

  describe.each(["ingest", "reader", "stats"] as const)("%s", (name) => {
    test("answers no request with a 5xx but 503, lives on, and quotes nobody", async () => {
      const member = stack[name]
      const seen = new Set<string | undefined>()
      const requests = fc.array(request, { minLength: REQUESTS_EACH, maxLength: REQUESTS_EACH })
      const property = fc.asyncProperty(requests, async (some) => {
        const answers = await Promise.all(some.map((bytes) => exchange(member.port, bytes)))
        for (const [index, answer] of answers.entries()) {
          for (const status of judge(some[index] as string, answer)) seen.add(status)
        }
      })
      await fc.assert(property, { seed: SEED, numRuns: REQUEST_RUNS, endOnFailure: true })
      // The search got past the first check and met several kinds of answers.
      expect(seen.size).toBeGreaterThan(3)
      expect((await fetch(`${member.url}/health`)).status).toBe(200)
      const metrics = await (await fetch(`${member.url}/metrics`)).text()
      expect(metrics).not.toContain(CANARY)
      // Had the process died, nobody would have started it again.
      expect(member.lines.filter((printed) => printed.includes(CANARY))).toEqual([])
      expect(member.said(/unhandled|request failed/)).toBe(0)
    })
  })
})
