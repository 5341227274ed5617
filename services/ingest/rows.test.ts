import { gzipSync } from "node:zlib"
import { describe, expect, test } from "vitest"
import { problemOf } from "../testing/app.ts"
import { JSON_TYPE, LINES_TYPE, setUp } from "./testing/app.ts"
import { EVENT, GZIP, lines, many, ROWS } from "./testing/rows.ts"

describe("of many writes nothing is queued", () => {
  const refused = async (body: BodyInit, headers: Record<string, string> = {}) => {
    const { postAll, writes, reported } = setUp()
    const answer = await postAll(body, headers)
    expect([writes, reported]).toEqual([[], []])
    return answer
  }

  test("when one is bad: the errors have its index", async () => {
    const rows = [...ROWS, { key: "", value: "canary" }, null, { key: "c", value: "v", ttl: 1 }]
    for (const [body, headers] of [
      [lines(rows), {}],
      [JSON.stringify(rows), JSON_TYPE],
    ] as const) {
      const { status, body: problem, text } = await refused(body, headers)
      expect(status).toBe(422)
      expect(problem).toMatchObject(problemOf("invalid-write", 422))
      expect(problem.errors).toEqual([
        { pointer: "/2/key", detail: "is empty" },
        { pointer: "/3", detail: "is not an object" },
        { pointer: "/4/ttl", detail: "is no column" },
      ])
      expect(text).not.toContain("canary")
    }
  })

  test("when many are bad: the first hundred errors are told", async () => {
    const { status, body } = await refused("1\n".repeat(9_000))
    expect(status).toBe(422)
    expect(body.errors).toHaveLength(100)
    expect(body.errors[99]).toEqual({ pointer: "/99", detail: "is not an object" })
  })

  test("when one has hundreds of thousands of members", async () => {
    const row = Object.fromEntries(Array.from({ length: 300_000 }, (_, name) => [`m${name}`, 1]))
    expect((await refused(lines([row]))).status).toBe(422)
  })

  test("when one is nested as deep as a body can be", async () => {
    const depth = 2_000_000
    const deep = `{"key":"a","value":${"[".repeat(depth)}${"]".repeat(depth)}}`
    expect((await refused(deep)).status).toBe(422)
    expect((await refused(`[${deep}]`, JSON_TYPE)).status).toBe(422)
    const event = `{"type":"","at":"${EVENT.at}","payload":${"[".repeat(depth)}${"]".repeat(depth)}}`
    const { postAll, writes } = setUp()
    expect((await postAll(event, {}, "/writes/events")).status).toBe(422)
    expect(writes).toEqual([])
  })

  test.each([
    ["", {}],
    ["\r\n\n", {}],
    ["[]", JSON_TYPE],
    [gzipSync(""), GZIP],
  ])("when there is none (%#)", async (body, headers) => {
    const { status, body: problem } = await refused(body, headers)
    expect(status).toBe(422)
    expect(problem.errors).toEqual([{ pointer: "", detail: "has no write" }])
  })

  test.each([
    ["lines", lines(many(10_001)), {}],
    ["an array", JSON.stringify(many(10_001)), JSON_TYPE],
    ["what would be no writes", "1\n".repeat(10_001), {}],
  ])("when they are more than ten thousand: %s", async (_, body, headers) => {
    const answer = await refused(body, headers)
    expect(answer.status).toBe(413)
    expect(answer.body).toEqual(problemOf("too-many-writes", 413))
    expect(answer.headers.get("connection")).toBe("close")
  })

  const EIGHT_MIB = 8 * 1_024 * 1_024
  test.each([
    ["blank lines", "\n", {}],
    ["one line", " ", {}],
    ["an array", " ", JSON_TYPE],
  ])("when the body is a byte over 8 MiB, inflated: %s", async (_, filling, headers) => {
    const over = JSON.stringify([ROWS[0]]).padStart(EIGHT_MIB + 1, filling)
    for (const [body, more] of [
      [over, {}],
      [gzipSync(over), GZIP],
      [Buffer.concat([gzipSync(over.slice(0, 99)), gzipSync(over.slice(99))]), GZIP],
    ] as const) {
      const answer = await refused(body, { ...headers, ...more })
      expect(answer.status).toBe(413)
      expect(answer.body).toEqual(problemOf("body-too-large", 413))
    }
  })

  test("and 8 MiB are not too much", async () => {
    const { postAll, writes } = setUp()
    const body = gzipSync(lines(many(2)).padStart(EIGHT_MIB, "\n"))
    expect((await postAll(body, GZIP)).status).toBe(202)
    expect(writes).toHaveLength(2)
  })

  const zipped = gzipSync(lines(many(5_000)))
  const corrupt = Buffer.from(zipped)
  corrupt[zipped.length >> 1] = (corrupt[zipped.length >> 1] ?? 0) ^ 0xff
  test.each([
    ["a gzip that ends too soon", zipped.subarray(0, -20), GZIP],
    ["a gzip that lacks its check", zipped.subarray(0, -8), GZIP],
    ["a gzip with a flipped byte", corrupt, GZIP],
    ["a gzip with something behind it", Buffer.concat([zipped, Buffer.from("canary")]), GZIP],
    ["two gzips with zeros between", Buffer.concat([zipped, Buffer.alloc(9), zipped]), GZIP],
    [
      "two gzips of which the second ends too soon",
      Buffer.concat([zipped, zipped.subarray(0, 99)]),
      GZIP,
    ],
    ["no gzip", lines(ROWS), GZIP],
    ["half a gzip header", Buffer.of(0x1f), GZIP],
    ["an object where an array should be", '{"key":"a","value":"v"}', JSON_TYPE],
    ["half an array", '[{"key":"a","value":"v"},', JSON_TYPE],
    ["nothing", "", JSON_TYPE],
    ["a byte that is no UTF-8", Buffer.concat([Buffer.from(lines(ROWS)), Buffer.of(0xff)]), {}],
    ["half a character", Buffer.from(`"ä`).subarray(0, -1), {}],
  ])("of %s, which is malformed", async (_, body, headers) => {
    const answer = await refused(body, headers)
    expect(answer.status).toBe(400)
    expect(answer.body).toEqual(problemOf("malformed-body", 400))
    expect(answer.text).not.toContain("canary")
  })

  test.each([
    ["{", 1],
    [`${lines(ROWS)}\n\n{"key":"canary"\n`, 5],
    [`${lines(ROWS)}[1,`, 3],
    [`${lines(many(9_000))}nonsense\n${lines(many(9_000))}`, 9_001],
  ])("when a line is no JSON, which is named (%#)", async (body, line) => {
    const { status, body: problem, text } = await refused(body)
    expect(status).toBe(400)
    expect(problem.detail).toContain(`Line ${line} `)
    expect(text).not.toContain("canary")
  })

  test.each(["text/plain", "", "application/json; charset=latin1", "application/vnd.api+json"])(
    "of the type %j",
    async (type) => {
      const { status, headers, body } = await refused(lines(ROWS), { "content-type": type })
      expect(status).toBe(415)
      expect(headers.get("accept")).toBe("application/json, application/x-ndjson")
      expect(body).toEqual(problemOf("unsupported-media-type", 415))
    },
  )

  test.each(["br", "deflate", "zstd", "gzip, gzip", "nonsense"])(
    "of the coding %s",
    async (coding) => {
      const answer = await refused(lines(ROWS), { "content-encoding": coding })
      expect(answer.status).toBe(415)
      expect(answer.headers.get("accept-encoding")).toBe("gzip, identity")
      expect(answer.body).toEqual(problemOf("unsupported-encoding", 415))
    },
  )

  test("of a client that goes away after a whole row", async () => {
    const { send, writes } = setUp()
    const client = new AbortController()
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(lines(ROWS))),
      pull: () => void setTimeout(() => client.abort(), 10),
    })
    const init = {
      method: "POST",
      headers: LINES_TYPE,
      body,
      duplex: "half",
      signal: client.signal,
    }
    const answer = await send(init as RequestInit, "/writes")
    expect(answer.status).toBe(408)
    expect(answer.body).toEqual(problemOf("request-timeout", 408))
    expect(writes).toEqual([])
  })
})
