/**
 * Connections of a load generator that costs little: each has one request at a time, whose bytes are written as
 * they are. Node's own client takes nearly twice the processor time, from servers on the same machine.
 */
import { connect, type Socket } from "node:net"

/** A server that is slower than the load has so many to answer at once; the others wait for a connection. */
const CONNECTIONS_MAX = 1_000

/** All servers here say how long an answer is; one that does not is not understood, and counts as none. */
const HEAD =
  /^HTTP\/1\.1 (\d{3})[^\r]*(?:\r\n[^\r]+)*?\r\ncontent-length: (\d+)(?:\r\n[^\r]+)*\r\n\r\n/i

/** Resolves to the status when the answer is there as a whole, to null when the connection ends before. */
const ask = (socket: Socket, request: string): Promise<number | null> =>
  new Promise((resolve) => {
    let received = ""
    const end = (status: number | null) => {
      socket.off("data", read).off("close", lose)
      resolve(status)
    }
    const lose = () => end(null)
    const read = (bytes: Buffer) => {
      received += bytes.toString("latin1")
      const [head, status, length] = HEAD.exec(received) ?? []
      if (head !== undefined && received.length >= head.length + Number(length)) end(Number(status))
    }
    socket.on("data", read).once("close", lose).write(request)
  })

export const openConnections = (url: string) => {
  const { hostname, port } = new URL(url)
  const all = new Set<Socket>()
  const free = new Set<Socket>()
  const waiting: Array<(socket: Socket) => void> = []

  const open = () => {
    const socket = connect(Number(port), hostname).setNoDelay(true)
    all.add(socket)
    // It closes after that, which says enough.
    socket.on("error", () => {})
    socket.once("close", () => {
      all.delete(socket)
      free.delete(socket)
      waiting.shift()?.(open())
    })
    return socket
  }

  const take = (): Socket | Promise<Socket> => {
    for (const socket of free) {
      free.delete(socket)
      return socket
    }
    if (all.size < CONNECTIONS_MAX) return open()
    return new Promise((resolve) => waiting.push(resolve))
  }

  const giveBack = (socket: Socket) => {
    const next = waiting.shift()
    if (next) next(socket)
    else free.add(socket)
  }

  return {
    /** Resolves to the status of the answer; to null when there is none at this time of `performance`. */
    send: async (request: string, deadline: number): Promise<number | null> => {
      const socket = await take()
      const left = deadline - performance.now()
      if (left <= 0) {
        giveBack(socket)
        return null
      }
      const timer = setTimeout(() => socket.destroy(), left)
      const status = await ask(socket, request)
      clearTimeout(timer)
      if (status !== null) giveBack(socket)
      return status
    },
    close: () => {
      for (const socket of all) socket.destroy()
    },
  }
}
