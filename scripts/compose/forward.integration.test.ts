import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { text } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, onTestFinished, test } from "vitest"
import { freePort } from "../servers/port.ts"
import { forward, type Locate } from "./forward.ts"

const closing = (server: Server) => {
  const sockets = new Set<Socket>()
  server.on("connection", (socket) => sockets.add(socket))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return server
}

/** A container: what it does with a connection, and where it listens. */
const container = async (handle: (socket: Socket) => void) => {
  const server = closing(createServer({ allowHalfOpen: true }, handle))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port }
}

const named = (name: string) => container((socket) => void socket.end(name))

const start = async (locate: Locate) => {
  const port = await freePort()
  closing(await forward(port, locate))
  return () => connect({ host: "127.0.0.1", port, allowHalfOpen: true })
}

test("connections go to the containers in turn", async () => {
  const both = [await named("one"), await named("two")]
  const open = await start(async () => both)
  const answers = []
  for (let count = 0; count < 4; count++) answers.push(await text(open()))
  expect(answers.toSorted()).toEqual(["one", "one", "two", "two"])
})

test("a container that is gone is passed over", async () => {
  const gone = { host: "127.0.0.1", port: await freePort() }
  const left = await named("left")
  const open = await start(async () => [gone, left])
  expect([await text(open()), await text(open())]).toEqual(["left", "left"])
})

test("a client for whom nobody is there is reset, and the next one is served", async () => {
  let found: Awaited<ReturnType<Locate>> | null = null
  const open = await start(async () => {
    if (found === null) throw new Error("ENOTFOUND")
    return found
  })
  await expect(text(open())).rejects.toMatchObject({ code: "ECONNRESET" })
  found = [await named("back")]
  expect(await text(open())).toBe("back")
})

test("a client that has said all it had to say still gets its answer", async () => {
  const address = await container((socket) => {
    let asked = ""
    socket.on("data", (chunk) => {
      asked += chunk
    })
    socket.on("end", () => setTimeout(() => socket.end(`${asked}, answered`), 50))
  })
  const client = (await start(async () => [address]))()
  client.end("asked")
  expect(await text(client)).toBe("asked, answered")
})

test("an answer arrives whole, however slowly it is read", async () => {
  const size = 8 * 1024 * 1024
  const address = await container((socket) => void socket.end("x".repeat(size)))
  const client = (await start(async () => [address]))()
  await sleep(200)
  expect((await text(client)).length).toBe(size)
})

test("the failure of one side is told to the other", async () => {
  const accepted = Promise.withResolvers<Socket>()
  const open = await start(async () => [await container(accepted.resolve)])
  const client = open()
  const failed = once(client, "error")
  const backend = await accepted.promise
  backend.resetAndDestroy()
  expect(await failed).toMatchObject([{ code: "ECONNRESET" }])
})

test("a client that goes away takes its connection to the container along", async () => {
  const accepted = Promise.withResolvers<Socket>()
  const open = await start(async () => [await container(accepted.resolve)])
  const client = open()
  const backend = await accepted.promise
  backend.on("error", () => {})
  const closed = new Promise((resolve) => backend.once("close", resolve))
  client.resetAndDestroy()
  await closed
})
