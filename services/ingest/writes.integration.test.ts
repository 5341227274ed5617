import { once } from "node:events"
import { createDeflateRaw, constants as zlib } from "node:zlib"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { listen } from "../../shared/http/listen.ts"
import { openConnection, requestText } from "../testing/connection.ts"
import { until } from "../testing/until.ts"
import { makeApp } from "./app.ts"
import type { Settled } from "./commit.ts"
import { many } from "./testing/rows.ts"

/** What a test may hold back: `put` until it is let go, commits for as long as their clients wait. */
let holding: PromiseWithResolvers<void> | null = null
let waiting = 0
let putting = 0
let most = 0
let queued = 0
const reported: unknown[] = []
let port: number
/** Where a request may take a second and no longer. */
let impatient: number
const closing: Array<() => void> = []

beforeAll(async () => {
  const app = makeApp({
    put: async () => {
      most = Math.max(most, ++putting)
      await holding?.promise
      putting -= 1
      return { version: ++queued, depth: 1 }
    },
    commits: (_, millis) => {
      waiting += 1
      return new Promise<Settled | null>((resolve) => {
        setTimeout(() => {
          waiting -= 1
          resolve(null)
        }, millis)
      })
    },
    probe: async () => ({ status: "healthy", redis: "up" }),
    valueMaxBytes: 1_024,
    report: (error) => reported.push(error),
  })
  const open = async (requestTimeout: number) => {
    const limits = { requestTimeout, headersTimeout: 900, connectionsCheckingInterval: 50 }
    const place = { port: 0 }
    const { server, url } = await listen(app.fetch, place, { ...limits, keepAliveTimeout: 5_000 })
    closing.push(() => {
      server.close()
      server.closeAllConnections()
    })
    return Number(new URL(url).port)
  }
  port = await open(30_000)
  impatient = await open(1_000)
})
afterAll(() => {
  for (const close of closing) close()
})
beforeEach(() => {
  holding = null
  most = 0
  queued = 0
})

const LINE = "POST /writes HTTP/1.1"
const TYPE = "Content-Type: application/x-ndjson"
const GZIP = "Content-Encoding: gzip"
const ROW = '{"key":"a","value":"v"}\n'
const chunkedHead = (...headers: string[]) =>
  requestText(LINE, [TYPE, "Transfer-Encoding: chunked", ...headers])
const whole = (text: string, ...headers: string[]) =>
  requestText(LINE, [TYPE, `Content-Length: ${Buffer.byteLength(text)}`, ...headers], text)
const chunk = (data: string | Uint8Array) => [`${data.length.toString(16)}\r\n`, data, "\r\n"]

const MIB = 1_024 * 1_024

/** A second of a test's own machine, which may be busy, for what takes a tenth of it. */
const SOON_MILLIS = 5_000

/** A mebibyte of zeros, deflated so that it may be repeated: what is before it plays no part. */
const deflatedMebibyte = async () => {
  const deflate = createDeflateRaw()
  const parts: Buffer[] = []
  deflate.on("data", (part: Buffer) => parts.push(part))
  deflate.write(Buffer.alloc(MIB))
  await new Promise<void>((resolve) => deflate.flush(zlib.Z_FULL_FLUSH, () => resolve()))
  return Buffer.concat(parts)
}
const GZIP_HEADER = Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3)

/** So many connections, each of which sends this. */
const connections = (count: number, text: string) =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const connection = await openConnection(port)
      connection.send(text)
      return connection
    }),
  )

/** Whether others are served. */
const isServed = async () => {
  const connection = await openConnection(port)
  connection.send(whole(ROW))
  const [answer] = await connection.answers()
  connection.socket.destroy()
  expect(answer?.status).toBe(202)
}

describe("a body with many writes, on a real socket,", () => {
  test("that would inflate to a gibibyte ends as too large, soon and without its memory", async () => {
    const zeros = await deflatedMebibyte()
    const bomb = Buffer.concat([GZIP_HEADER, ...Array.from({ length: 1_024 }, () => zeros)])
    const before = process.memoryUsage().rss
    let highest = before
    const sampling = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage().rss)
    }, 5)
    const began = performance.now()
    const bombs = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const connection = await openConnection(port)
        connection.send(requestText(LINE, [TYPE, GZIP, `Content-Length: ${bomb.length}`]), bomb)
        return await connection.end()
      }),
    )
    clearInterval(sampling)
    expect(bombs.flat().map(({ status }) => status)).toEqual(Array(8).fill(413))
    expect(performance.now() - began).toBeLessThan(SOON_MILLIS)
    expect(highest - before).toBeLessThan(256 * MIB)
    expect([queued, reported]).toEqual([0, []])
  })

  test("that never ends is refused while it is sent", async () => {
    const connection = await openConnection(port)
    connection.send(chunkedHead())
    const piece = Buffer.alloc(64 * 1_024, "\n")
    for (let sent = 0; sent < 20 * MIB; sent += piece.length) connection.send(...chunk(piece))
    const [answer] = await connection.end()
    expect(answer?.status).toBe(413)
    expect(answer?.headers).toMatch(/connection: close/i)
  })

  test("that comes by the byte costs no more than its bytes", async () => {
    const connection = await openConnection(port)
    connection.send(chunkedHead())
    const row = JSON.stringify({ key: "a", value: "v".repeat(1_000) })
    for (let round = 0; round < 20; round++) {
      connection.send([...row, "\n"].map((byte) => `1\r\n${byte}\r\n`).join(""))
    }
    connection.send("0\r\n\r\n")
    const [answer] = await connection.answers()
    expect(JSON.parse(answer?.body ?? "")).toMatchObject({ queued: 20 })
    connection.socket.destroy()
  })

  test.each([
    ["plain", ""],
    ["gzip'd", GZIP],
  ])("that is slow ends in time, and queues nothing: %s", async (_, coding) => {
    const connection = await openConnection(impatient)
    connection.send(chunkedHead(...(coding ? [coding] : [])), ...chunk(coding ? GZIP_HEADER : ROW))
    expect((await connection.end()).map(({ status }) => status)).toEqual([408])
    await isServed()
    expect([queued, reported]).toEqual([1, []])
  })

  test("whose client goes away holds no turn, and queues nothing", async () => {
    for (const head of [chunkedHead(), chunkedHead(GZIP)]) {
      const gone = await connections(30, head + chunk(ROW).join(""))
      await new Promise((resume) => setTimeout(resume, 50))
      for (const { socket } of gone) socket.resetAndDestroy()
      await isServed()
    }
    expect([queued, reported]).toEqual([2, []])
  })
})

describe("the turns", () => {
  test("are eight, and all who wait for one get it, in their order", async () => {
    holding = Promise.withResolvers()
    const all = await connections(30, whole(ROW))
    await until("eight are at work", async () => putting === 8)
    await new Promise((resume) => setTimeout(resume, 50))
    expect(putting).toBe(8)
    holding.resolve()
    const answers = await Promise.all(all.map(({ answers }) => answers()))
    expect(answers.flat().map(({ status }) => status)).toEqual(Array(30).fill(202))
    expect([most, queued]).toEqual([8, 30])
    for (const { socket } of all) socket.destroy()
  })

  test("that slow bodies have are waited for a moment only, and then come back", async () => {
    const slow = await connections(8, chunkedHead())
    // So that each of them is read by now.
    await until("the next one waits", async () => {
      const connection = await openConnection(port)
      connection.send(whole(ROW))
      const [answer] = await connection.answers()
      connection.socket.destroy()
      if (answer?.status !== 503) return false
      expect(answer.headers).toMatch(/retry-after: 1/i)
      expect(JSON.parse(answer.body)).toMatchObject({ type: "/problems/queue-unavailable" })
      return true
    })
    // A large body does not keep its client from hearing it, nor from going on.
    const large = await openConnection(port)
    await large.write(whole(" ".repeat(7 * MIB) + ROW))
    expect((await large.answers()).map(({ status }) => status)).toEqual([503])
    large.send(whole(ROW))
    const next = await connections(3, whole(ROW))
    for (const { send } of slow) send(...chunk(ROW), "0\r\n\r\n")
    const answers = await Promise.all([...slow, ...next].map(({ answers }) => answers()))
    expect(answers.flat().map(({ status }) => status)).toEqual(Array(11).fill(202))
    expect((await large.answers(2)).map(({ status }) => status)).toEqual([503, 202])
    for (const { socket } of [large, ...slow, ...next]) socket.destroy()
  })

  test("are not taken by those who wait for commits, nor by those who went away meanwhile", async () => {
    const patient = await connections(30, whole(ROW, "Prefer: wait=1"))
    await until("all of them wait", async () => waiting === 30)
    await isServed()
    for (const { socket } of patient.slice(15)) socket.resetAndDestroy()
    const answers = await Promise.all(patient.slice(0, 15).map(({ answers }) => answers()))
    expect(answers.flat().map(({ status }) => status)).toEqual(Array(15).fill(202))
    await until("nobody waits", async () => waiting === 0)
    for (const { socket } of patient) socket.destroy()
  })

  test("end for a body of ten thousand while others are served", async () => {
    const text = many(10_000)
      .map((row) => JSON.stringify(row))
      .join("\n")
    const big = await connections(20, whole(text))
    await isServed()
    const answers = await Promise.all(big.map(({ answers }) => answers()))
    expect(answers.flat().map(({ status }) => status)).toEqual(Array(20).fill(202))
    for (const { socket } of big) {
      socket.end()
      await once(socket, "close")
    }
  })
})
