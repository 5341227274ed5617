import { once } from "node:events"
import { connect } from "node:net"
import { afterEach, describe, expect, test } from "vitest"
import { openConnection, requestText } from "../../services/testing/connection.ts"
import { answer } from "./answer.ts"
import { type Fetch, listen } from "./listen.ts"

const FAST = {
  headersTimeout: 200,
  requestTimeout: 300,
  keepAliveTimeout: 200,
  connectionsCheckingInterval: 50,
}

const closing: Array<() => void> = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** Answers with the method and the path, after it has read the body. */
const echo: Fetch = async (request) => {
  const body = await request.text()
  return answer(200, { method: request.method, path: new URL(request.url).pathname, body })
}

const setUp = async (fetch: Fetch = echo, limits: Partial<typeof FAST> = {}) => {
  const { server, url } = await listen(fetch, { port: 0 }, { ...FAST, ...limits })
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  const port = Number(new URL(url).port)
  return { port, url, server, open: () => openConnection(port) }
}

const expectProblem = (
  found: { status: number; headers: string; body: string } | undefined,
  status: number,
  name: string,
) => {
  expect(found?.status).toBe(status)
  expect(found?.headers).toMatch(/content-type: application\/problem\+json/i)
  expect(found?.headers).toMatch(/connection: close/i)
  expect(JSON.parse(found?.body ?? "")).toMatchObject({ success: false, type: `/problems/${name}` })
}

describe("a request that never reaches the app", () => {
  test.each([
    ["no HTTP", "hello\r\n\r\n"],
    [
      "a length and chunks",
      requestText("POST / HTTP/1.1", ["Content-Length: 3", "Transfer-Encoding: chunked"]),
    ],
    ["two lengths", requestText("POST / HTTP/1.1", ["Content-Length: 3", "Content-Length: 4"])],
    ["a length that is no number", requestText("POST / HTTP/1.1", ["Content-Length: x"])],
    [
      "chunks that are none",
      `${requestText("POST / HTTP/1.1", ["Transfer-Encoding: chunked"])}zz\r\n`,
    ],
    ["a control character in a header", requestText("GET / HTTP/1.1", ["X: a\x01b"])],
  ])("is 400 with %s", async (_, text) => {
    const { open } = await setUp()
    const connection = await open()
    connection.send(text)
    expectProblem((await connection.end()).at(-1), 400, "bad-request")
  })

  test.each([
    ["without a host", "GET / HTTP/1.1\r\n\r\n"],
    ["with a host that is none", "GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n"],
    ["with a path in raw UTF-8", requestText("GET /é HTTP/1.1")],
  ])("is 400 %s", async (_, text) => {
    const { open } = await setUp()
    const connection = await open()
    connection.send(text)
    const [found] = await connection.answers()
    expect(found?.status).toBe(400)
    expect(found?.headers).toMatch(/content-type: application\/problem\+json/i)
  })

  test("is 431 with headers of more than 16 KiB", async () => {
    const { open } = await setUp()
    const connection = await open()
    connection.send(requestText("GET / HTTP/1.1", [`X: ${"x".repeat(17_000)}`]))
    expectProblem((await connection.end())[0], 431, "headers-too-large")
  })

  test("is 408 when its headers take too long, a byte at a time", async () => {
    const { open } = await setUp()
    const connection = await open()
    connection.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
    const dripping = setInterval(() => connection.send("x"), 20)
    const answers = await connection.end().finally(() => clearInterval(dripping))
    expectProblem(answers[0], 408, "request-timeout")
  })

  test("is 408 when its body is shorter than announced, and its socket is free again", async () => {
    const { open } = await setUp()
    const connection = await open()
    connection.send(requestText("POST / HTTP/1.1", ["Content-Length: 10"], "short"))
    const answers = await connection.end()
    expect(answers).toHaveLength(1)
    expectProblem(answers[0], 408, "request-timeout")
  })
})

describe("a connection", () => {
  test("carries one request after the other, also several at once", async () => {
    const { open } = await setUp()
    const connection = await open()
    connection.send(requestText("GET /1 HTTP/1.1"), requestText("GET /2 HTTP/1.1"))
    const answers = await connection.answers(2)
    expect(answers.map(({ body }) => JSON.parse(body).path)).toEqual(["/1", "/2"])
  })

  test("is closed when it was idle for too long", async () => {
    const { open } = await setUp()
    const connection = await open()
    connection.send(requestText("GET /1 HTTP/1.1"))
    expect(await connection.end()).toHaveLength(1)
  })

  test("that never says anything is closed", async () => {
    const { port } = await setUp()
    const socket = connect(port, "127.0.0.1")
    socket.resume()
    await once(socket, "close")
  })

  test("that its client closes halfway ends at once, or after all answers that are due", async () => {
    let closed = Promise.resolve()
    const { server, open } = await setUp(async (request) => {
      await closed
      return await echo(request)
    })
    const post = requestText("POST / HTTP/1.1", ["Content-Length: 1"], "x")
    const ended = async (text: string) => {
      closed = new Promise((resolve) => {
        server.once("connection", (socket) => socket.once("end", resolve))
      })
      const connection = await open()
      connection.socket.end(text)
      return (await connection.end()).map(({ status }) => status)
    }
    expect(await ended("")).toEqual([])
    expect(await ended(post.repeat(3))).toEqual([200, 200, 200])
    expect(await ended(post.slice(0, -1))).toEqual([400])
  })

  test("that is idle makes room when there are too many", async () => {
    const { server, open } = await setUp(echo, { keepAliveTimeout: 60_000 })
    server.maxConnections = 1
    const idle = await open()
    idle.send(requestText("GET /1 HTTP/1.1"))
    await idle.answers()
    await (await open()).end()
    await idle.end()
    const next = await open()
    next.send(requestText("GET /2 HTTP/1.1"))
    expect(await next.answers()).toHaveLength(1)
  })

  test("of HTTP/1.0 needs no host", async () => {
    const { open } = await setUp()
    const connection = await open()
    connection.send("GET /old HTTP/1.0\r\n\r\n")
    expect(JSON.parse((await connection.end())[0]?.body ?? "")).toMatchObject({ path: "/old" })
  })
})

describe("listening", () => {
  test("fails with the reason when the port is taken", async () => {
    const { port } = await setUp()
    await expect(listen(echo, { port }, FAST)).rejects.toMatchObject({ code: "EADDRINUSE" })
  })
})
