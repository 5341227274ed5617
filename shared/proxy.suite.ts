/** A TCP proxy for tests in front of a real server, which can lose replies and go silent. */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export const startProxy = async (targetPort: number) => {
  const sockets = new Set<Socket>()
  let losesReplies = false
  let heard = Promise.withResolvers<void>()

  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1")
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket
        .on("error", () => {})
        .once("close", () => {
          sockets.delete(socket)
          client.destroy()
          target.destroy()
        })
    }
    client.on("data", (data) => target.write(data))
    target.on("data", (data) => {
      if (!losesReplies) return client.write(data)
      heard.resolve()
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")

  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    /** From now on, what the server says is dropped; resolves when it has said something. */
    loseReplies: (): Promise<void> => {
      losesReplies = true
      heard = Promise.withResolvers()
      return heard.promise
    },
    /** Cuts all connections; those made afterwards are whole. */
    heal: () => {
      losesReplies = false
      cut()
    },
    stop: () => {
      server.close()
      cut()
    },
  }
}
