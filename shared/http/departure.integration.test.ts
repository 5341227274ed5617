import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { afterAll, beforeAll, expect, test } from "vitest"
import { departureOf } from "./departure.ts"
import { listen } from "./listen.ts"

let server: Awaited<ReturnType<typeof listen>>
/** Called with each request, and whether its client has left. */
let asked: (signal: AbortSignal) => void

const answered = new Response("answered")

/** Answers a request when its client leaves; one to /now at once. */
const fetchNow = (request: Request) => {
  const signal = departureOf(request)
  asked(signal)
  if (request.url.endsWith("/now")) return new Response("now")
  return new Promise<Response>((resolve) => {
    const leave = () => resolve(answered.clone())
    if (signal.aborted) leave()
    else signal.addEventListener("abort", leave)
  })
}

beforeAll(async () => {
  server = await listen(fetchNow, { port: 0, host: "127.0.0.1" }, { keepAliveTimeout: 5_000 })
})
afterAll(() => server.server.close())

/** A connection on which these paths were asked for, in one go, and the signal of the last. */
const ask = async (...paths: ReadonlyArray<string>) => {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1")
  socket.on("error", () => {})
  let left = paths.length
  const signal = new Promise<AbortSignal>((resolve) => {
    asked = (found) => {
      left -= 1
      if (left === 0) resolve(found)
    }
  })
  for (const path of paths)
    socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nprefer: wait=9\r\n\r\n`)
  return { socket, signal: await signal }
}

const aborted = async (signal: AbortSignal) => {
  if (!signal.aborted) await once(signal, "abort")
}

test.each([
  ["closes the connection", (socket: Socket) => socket.destroy()],
  ["resets the connection", (socket: Socket) => socket.resetAndDestroy()],
  ["closes its side", (socket: Socket) => socket.end()],
])("a client that %s has left", async (_, leave) => {
  const { socket, signal } = await ask("/wait")
  expect(signal.aborted).toBe(false)
  leave(socket)
  await aborted(signal)
})

test("who closes its side and still reads is answered", async () => {
  const { socket } = await ask("/wait")
  socket.end()
  const [text] = await once(socket, "data")
  expect(String(text)).toMatch(/^HTTP\/1.1 200 OK/)
})

test("a client is still there after any number of answers", async () => {
  const warnings: unknown[] = []
  const warn = (warning: unknown) => warnings.push(warning)
  process.on("warning", warn)
  const { socket, signal } = await ask(...Array(20).fill("/now"), "/wait")
  expect(signal.aborted).toBe(false)
  socket.destroy()
  await aborted(signal)
  process.off("warning", warn)
  expect(warnings).toEqual([])
})

test("a client without a connection leaves when its request does", () => {
  const controller = new AbortController()
  const signal = departureOf(new Request("http://a/", { signal: controller.signal }))
  controller.abort()
  expect(signal.aborted).toBe(true)
})
