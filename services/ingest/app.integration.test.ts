import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { listen } from "../../shared/http/listen.ts"
import { keyValue } from "../../shared/testing/write.ts"
import { bodyMaxBytes, identity, type Write } from "../../shared/write.ts"
import { openConnection, requestText } from "../testing/connection.ts"
import { makeApp } from "./app.ts"

const VALUE_MAX_BYTES = 1_024
const MAX_BYTES = bodyMaxBytes(VALUE_MAX_BYTES)

/** Far more than all buffers between the two ends hold, so that the rest must be refused or read. */
const HUGE_BYTES = 20_000_000
const PIECE = Buffer.alloc(64 * 1024, "x")

const writes: Write[] = []
const reported: unknown[] = []
let port: number
let close: () => void

beforeAll(async () => {
  const app = makeApp({
    commits: async () => null,
    put: async (write) => ({ version: writes.push(write), depth: 1 }),
    probe: async () => ({ status: "healthy", redis: "up" }),
    valueMaxBytes: VALUE_MAX_BYTES,
    report: (error) => reported.push(error),
  })
  const limits = { requestTimeout: 500, headersTimeout: 400, connectionsCheckingInterval: 50 }
  const { server, url } = await listen(
    app.fetch,
    { port: 0 },
    { ...limits, keepAliveTimeout: 5_000 },
  )
  port = Number(new URL(url).port)
  close = () => {
    server.close()
    server.closeAllConnections()
  }
})
afterAll(() => close())
beforeEach(() => {
  writes.length = 0
})

const LINE = "POST /write HTTP/1.1"
const JSON_TYPE = "Content-Type: application/json"
const body = (key: string, value: string) => JSON.stringify({ key, value })
const post = (text: string, type = JSON_TYPE) =>
  requestText(LINE, [type, `Content-Length: ${Buffer.byteLength(text)}`], text)
const chunk = (data: string | Uint8Array): Array<string | Uint8Array> => [
  `${data.length.toString(16)}\r\n`,
  data,
  "\r\n",
]
const chunkedHead = requestText(LINE, [JSON_TYPE, "Transfer-Encoding: chunked"])

describe("a write on a real socket", () => {
  test("may come in chunks, cut inside of a character", async () => {
    const connection = await openConnection(port)
    connection.send(chunkedHead)
    for (const byte of Buffer.from(body("ä🗝", "v"))) connection.send(...chunk(Buffer.of(byte)))
    connection.send("0\r\n\r\n")
    expect((await connection.answers())[0]?.status).toBe(202)
    expect(writes).toEqual([keyValue("ä🗝", "v")])
    connection.socket.destroy()
  })

  test("may follow refused ones on one connection, whose bodies nobody read", async () => {
    const connection = await openConnection(port)
    const lines = ["POST /write HTTP/1.1", "PUT /write HTTP/1.1", "POST /nowhere HTTP/1.1"]
    for (const line of lines) {
      connection.send(requestText(line, ["Content-Type: text/plain", "Content-Length: 5"], "hello"))
    }
    connection.send(post(body("a", "b")))
    const answers = await connection.answers(4)
    expect(answers.map(({ status }) => status)).toEqual([415, 405, 404, 202])
    connection.socket.destroy()
  })

  test("is not queued when its sender goes away in the middle of it", async () => {
    const connection = await openConnection(port)
    const text = post(body("a", "b"))
    connection.send(text.slice(0, -1))
    connection.socket.resetAndDestroy()
    const after = await openConnection(port)
    after.send(post(body("after", "b")))
    await after.answers()
    expect(writes.map(identity)).toEqual(["after"])
    expect(reported).toEqual([])
    after.socket.destroy()
  })

  test("is not queued when its body never ends", async () => {
    const connection = await openConnection(port)
    connection.send(post(body("a", "b")).slice(0, -1))
    expect((await connection.end()).map(({ status }) => status)).toEqual([408])
    expect(writes).toEqual([])
  })
})

describe("a body that is too large", () => {
  test("is refused by its length alone, and the connection closed", async () => {
    const connection = await openConnection(port)
    const length = `Content-Length: ${MAX_BYTES + 1}`
    connection.send(requestText(LINE, [JSON_TYPE, length]))
    const [found] = await connection.end()
    expect(found?.status).toBe(413)
    expect(found?.headers).toMatch(/connection: close/i)
    expect(JSON.parse(found?.body ?? "")).toMatchObject({ type: "/problems/body-too-large" })
  })

  test.each(["by its length", "in chunks"])("is refused %s while it is sent", async (how) => {
    const connection = await openConnection(port)
    const isChunked = how === "in chunks"
    const length = `Content-Length: ${HUGE_BYTES}`
    const head = requestText(LINE, [JSON_TYPE, length])
    connection.send(isChunked ? chunkedHead : head)
    for (let sent = 0; sent < HUGE_BYTES; sent += PIECE.length) {
      connection.send(...(isChunked ? chunk(PIECE) : [PIECE]))
    }
    expect((await connection.end()).map(({ status }) => status)).toEqual([413])
  })

  test.each(["by its length", "in chunks"])(
    "is refused %s without a reset while the client still writes",
    async (how) => {
      const connection = await openConnection(port)
      const isChunked = how === "in chunks"
      const length = `Content-Length: ${HUGE_BYTES}`
      const pieces = isChunked ? chunk(PIECE) : [PIECE]
      connection.send(isChunked ? chunkedHead : requestText(LINE, [JSON_TYPE, length]), ...pieces)
      expect((await connection.answers()).map(({ status }) => status)).toEqual([413])
      for (let round = 0; round < 50; round++) await connection.write(...pieces)
      connection.socket.end()
      await connection.end()
    },
  )
})
