import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, describe, expect, it } from "vitest"
import { temporaryDirectory } from "../scripts/servers/directory.ts"
import { makeDelay, makeProxy } from "./proxy.ts"

const servers: Server[] = []
const sockets: Socket[] = []

const listen = async (server: Server) => {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  servers.push(server)
  return (server.address() as AddressInfo).port
}

/** A server behind a proxy, and a client of the proxy. */
const open = async (millis: number, onClient: (socket: Socket) => void) => {
  const target = await listen(createServer(onClient))
  const port = await listen(makeProxy("127.0.0.1", target, millis))
  const client = connect(port, "127.0.0.1")
  client.setNoDelay(true)
  sockets.push(client)
  await once(client, "connect")
  return client
}

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) server.close()
})

describe("makeProxy", () => {
  it("delays the way there and the way back", async () => {
    const client = await open(20, (socket) => socket.pipe(socket))
    let shortest = Number.POSITIVE_INFINITY
    for (let trip = 0; trip < 5; trip++) {
      const begin = performance.now()
      client.write("ping")
      await once(client, "data")
      shortest = Math.min(shortest, performance.now() - begin)
    }
    expect(shortest).toBeGreaterThanOrEqual(38)
  })

  it("delivers every byte in order, and as many as come", async () => {
    const client = await open(5, (socket) => socket.pipe(socket))
    const sent = Array.from({ length: 20_000 }, (_, n) => `${n};`).join("")
    const received: string[] = []
    client.setEncoding("utf8").on("data", (text) => received.push(String(text)))
    // In many pieces and over several turns, so that some wait while others are sent.
    for (let at = 0; at < sent.length; at += 997) {
      client.write(sent.slice(at, at + 997))
      if (at % 7 === 0) await sleep(1)
    }
    client.end()
    await once(client, "end")
    // Not toBe: a difference of 100 KB is nothing to print.
    expect(received.join("") === sent).toBe(true)
  })

  it("reaches a server by the socket in a folder", async () => {
    const { path, remove } = await temporaryDirectory()
    const target = createServer((socket) => socket.end("hello")).listen(`${path}/.s.PGSQL.5432`)
    servers.push(target)
    await once(target, "listening")
    const client = connect(await listen(makeProxy(path, 5_432, 1)), "127.0.0.1")
    sockets.push(client)
    const [hello] = await once(client, "data")
    expect(String(hello)).toBe("hello")
    await remove()
  })

  it("tells the client when the server is gone", async () => {
    const client = await open(5, (socket) => socket.destroy())
    client.resume()
    await once(client, "close")
  })

  it("closes the connection when there is no server", async () => {
    const port = await listen(makeProxy("127.0.0.1", 1, 5))
    const client = connect(port, "127.0.0.1")
    sockets.push(client)
    client.resume()
    await once(client, "close")
  })
})

describe("makeDelay", () => {
  it("keeps the order of what is due at once", async () => {
    const later = makeDelay(5)
    const seen: number[] = []
    for (let n = 0; n < 50; n++) later(() => seen.push(n))
    await new Promise<void>((resolve) => later(resolve))
    expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => n))
  })
})
