/**
 * An HTTP server on Node with limits for slow, large and broken clients (Node's own defaults wait five
 * minutes). What never reaches an app, because it is not HTTP or not in time, is answered as a problem too.
 */
import { once } from "node:events"
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from "node:http"
import type { AddressInfo, ListenOptions, Socket } from "node:net"
import { getRequestListener, type HttpBindings, RequestError } from "@hono/node-server"
import { type ProblemName, problem, problemParts } from "./answer.ts"
import { closeAfterReading, endAfterReading, noteRequest } from "./close-after-reading.ts"
import { noteClient } from "./departure.ts"

export type Fetch = (request: Request) => Response | Promise<Response>

/** Without a host on all addresses of the machine; with `reusePort` others may share the port. */
export type Place = Pick<ListenOptions, "port" | "host" | "reusePort">

/** Each connection may hold one body of up to 400 KiB: 800 MiB at the very worst. */
const CONNECTIONS_MAX = 2_048

/** In milliseconds, but for the size of the headers. */
const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  // How late a timeout may be noticed; Node's own 30 s would make 40 s of the 10.
  connectionsCheckingInterval: 1_000,
  // Asked for in `isSound`, for an answer that is a problem.
  requireHostHeader: false,
} satisfies ServerOptions

const PROBLEM_OF_CODE: Readonly<Record<string, ProblemName>> = {
  HPE_HEADER_OVERFLOW: "headers-too-large",
  ERR_HTTP_REQUEST_TIMEOUT: "request-timeout",
}

/** Answers of apps are written whole, so this never ends up inside of one. */
const refuse = (error: NodeJS.ErrnoException, socket: Socket) => {
  if (error.code === "ECONNRESET" || !socket.writable) return socket.destroy()
  const { status, headers, body } = problemParts(PROBLEM_OF_CODE[error.code ?? ""] ?? "bad-request")
  const lines = Object.entries({
    ...headers,
    connection: "close",
    "content-length": body.length,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  endAfterReading(
    socket,
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`,
  )
}

/** Node would answer 417 without a body. */
const refuseExpectation = (_: IncomingMessage, response: ServerResponse) => {
  const { status, headers, body } = problemParts("expectation-failed")
  const length = { connection: "close", "content-length": body.length }
  response.writeHead(status, { ...headers, ...length }).end(body)
}

/** What RFC 9112 demands and Node lets pass: bytes of a path over 127 would arrive as other characters. */
const isSound = ({ url, headers, httpVersion }: IncomingMessage) =>
  /^[\x21-\x7e]*$/.test(url ?? "") && (headers.host !== undefined || httpVersion === "1.0")

/**
 * Resolves when it accepts connections.
 * @throws what the port cannot be had for, as `code` (EADDRINUSE, EACCES).
 */
export const listen = async (
  fetch: Fetch,
  place: Place,
  limits: ServerOptions & { readonly keepAliveTimeout: number },
): Promise<{ readonly server: Server; readonly url: string }> => {
  const sound = (request: Request, { incoming }: Pick<HttpBindings, "incoming">) => {
    noteRequest(incoming)
    noteClient(request, incoming)
    return isSound(incoming) ? fetch(request) : problem("bad-request")
  }
  const listener = getRequestListener(
    (request, bindings) => sound(request, bindings as HttpBindings),
    {
      // Only of requests in HTTP/1.0, which need not name a host.
      hostname: "localhost",
      errorHandler: (error) =>
        error instanceof RequestError ? problem("bad-request") : problem("internal-error"),
    },
  )
  const server = createServer({ ...LIMITS, ...limits }, listener)
  // A client that has closed its side gets its answer, and is disconnected after it. Without an answer
  // to come it is at once. Node has this for compatibility, and does not document it.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.maxConnections = CONNECTIONS_MAX
  // Those that only wait make room for those that come.
  server.on("drop", () => server.closeIdleConnections())
  server.on("connection", closeAfterReading)
  server.on("checkExpectation", refuseExpectation)
  server.on("clientError", refuse)
  server.listen(place)
  await once(server, "listening")
  return { server, url: `http://localhost:${(server.address() as AddressInfo).port}` }
}
