/**
 * A socket to PostgreSQL, connected and encrypted as the URL says. The driver could do this as well, but it
 * goes to one host, knows three of libpq's six modes of encryption, and waits for ever for a server that
 * closes instead of saying whether it has any.
 */
import { connect, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import type { Address } from "../store-url.ts"
import { serverOf, type Tls, type TlsMode } from "../tls.ts"

/** `offered`: encrypted if the server has encryption. */
export type Encryption = "none" | "offered" | "required"

/** The ways to try, in order; libpq's, who tries the second when the server refuses the first. */
export const WAYS: Readonly<Record<TlsMode, readonly [Encryption, Encryption?]>> = {
  disable: ["none"],
  allow: ["none", "required"],
  prefer: ["offered", "none"],
  require: ["required"],
  "verify-ca": ["required"],
  "verify-full": ["required"],
}

/** The server cannot be spoken to as the URL wants it; `code` is for logs. */
export class SocketError extends Error {
  override readonly name = "SocketError"
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** The connection is there, and its encryption failed. */
export class TlsError extends SocketError {}

/** The server is of another kind than the one that is asked for. */
export class RoleError extends SocketError {}

/** From the first packet to an encrypted socket. */
const CONNECT_DEADLINE_MILLIS = 3_000

const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47)
const YES = "S"
const NO = "N"

/** Resolves to what comes with the event; rejects when the socket fails or closes first. */
const next = <A>(socket: Socket, event: "connect" | "data" | "secureConnect"): Promise<A> =>
  new Promise((resolve, reject) => {
    const stop = () => {
      socket.off(event, succeed).off("error", fail).off("close", close)
    }
    const succeed = (value: A) => {
      stop()
      resolve(value)
    }
    const fail = (error: Error) => {
      stop()
      // It may fail once more while it closes, when nobody listens.
      socket.on("error", () => {})
      reject(error)
    }
    const close = () => fail(new SocketError("ECONNRESET", "it closed the connection"))
    socket.on(event, succeed).on("error", fail).on("close", close)
  })

const encrypt = async (plain: Socket, host: string, tls: Tls, encryption: Encryption) => {
  if (!tls.isDirect) {
    plain.write(SSL_REQUEST)
    // One byte: what an attacker sent behind it would count as encrypted.
    const answer = String(await next<Buffer>(plain, "data"))
    if (answer === NO && encryption === "offered") return plain
    if (answer !== YES) throw new TlsError("NO_TLS", "the server has no TLS")
  }
  const direct = tls.isDirect ? { ALPNProtocols: ["postgresql"] } : {}
  const socket = connectTls({ socket: plain, ...serverOf(host), ...tls.options, ...direct })
  try {
    await next(socket, "secureConnect")
    return socket
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new TlsError(code ?? "TLS_FAILED", message)
  }
}

/**
 * Connects to one server. `track` is told of the socket before it waits for anything.
 * @throws an error with a `code`: of the system, of TLS, or a SocketError's.
 */
export const openSocket = async (
  { host, port }: Address,
  tls: Tls,
  encryption: Encryption,
  track: (socket: Socket) => void,
): Promise<Socket> => {
  const isLocal = host.startsWith("/")
  const socket = isLocal ? connect(`${host}/.s.PGSQL.${port}`) : connect({ host, port })
  track(socket)
  const late = () => socket.destroy(new SocketError("CONNECT_TIMEOUT", "it did not answer in time"))
  const timer = setTimeout(late, CONNECT_DEADLINE_MILLIS)
  try {
    await next(socket, "connect")
    // As with libpq, a socket of this machine needs no encryption.
    if (isLocal || encryption === "none") return socket
    return await encrypt(socket, host, tls, encryption)
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
