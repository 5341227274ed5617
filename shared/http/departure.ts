/**
 * When a client leaves. One that closes its connection cannot be told from one that closes its side and
 * still reads, which gets its answer; so for an answer that may come at once or later, this is to be at once.
 */
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"

const sockets = new WeakMap<Request, Socket>()
const signals = new WeakMap<Socket, AbortSignal>()

/** To be told of each request that may wait: it has preferences. */
export const noteClient = (request: Request, { headers, socket }: IncomingMessage) => {
  if (headers.prefer !== undefined) sockets.set(request, socket)
}

const signalOf = (socket: Socket): AbortSignal => {
  const known = signals.get(socket)
  if (known) return known
  const controller = new AbortController()
  const leave = () => controller.abort()
  // One listener of a connection, however many requests it has.
  socket.once("end", leave).once("close", leave)
  if (socket.readableEnded || socket.destroyed) leave()
  signals.set(socket, controller.signal)
  return controller.signal
}

/** Aborts when nobody may be there to be told. */
export const departureOf = (request: Request): AbortSignal => {
  const socket = sockets.get(request)
  return socket ? signalOf(socket) : request.signal
}
