/**
 * Closes a connection whose client may still be sending. A close at that moment resets the connection,
 * and a client that is busy writing sees EPIPE instead of the answer: 38 of 91 uploads of 20 MB on a busy
 * machine, now none. Like nginx, our side ends first, and what still comes is thrown away for a while.
 */
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"

/** The longest a client has for reading the answer while it writes. */
const READING_MILLIS = 2_000

const latest = new WeakMap<Socket, IncomingMessage>()

/** To be told of each request, so that a connection whose requests were read to the end closes at once. */
export const noteRequest = (request: IncomingMessage) => latest.set(request.socket, request)

/** Sends what is left to send, then waits for the client to close, within a limit. */
export const endAfterReading = (socket: Socket, lastWords = "") => {
  const timer = setTimeout(() => socket.destroy(), READING_MILLIS)
  socket.once("close", () => clearTimeout(timer))
  socket.end(lastWords)
  socket.resume()
}

/** For "connection" of a server: Node closes with `destroySoon` after an answer that says so. */
export const closeAfterReading = (socket: Socket) => {
  const destroySoon = socket.destroySoon.bind(socket)
  let isReading = false
  socket.destroySoon = () => {
    if (isReading) return
    if (latest.get(socket)?.complete !== false) return destroySoon()
    isReading = true
    endAfterReading(socket)
  }
}
