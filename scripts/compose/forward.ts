/**
 * Hands each connection to the next of the containers behind a name, and then only passes bytes. Docker
 * publishes a port of one container; this is how several ingests share 8006.
 */
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"

/** As many connections as a service itself takes. */
const CONNECTIONS_MAX = 2_048

/** A container that is gone does not answer; after so long the next one is tried. */
const CONNECT_LIMIT_MILLIS = 1_000

/** TCP keep-alive: a peer that vanished without a word is noticed in a few minutes. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 }

interface Address {
  readonly host: string
  readonly port: number
}

/** The addresses of the containers behind a name at the moment, in any order. */
export type Locate = () => Promise<ReadonlyArray<Address>>

const reach = async (address: Address): Promise<Socket> => {
  const socket = connect({ ...address, ...KEEP_ALIVE, noDelay: true, allowHalfOpen: true })
  const late = setTimeout(() => socket.destroy(new Error("late")), CONNECT_LIMIT_MILLIS)
  try {
    await once(socket, "connect")
  } finally {
    clearTimeout(late)
  }
  return socket
}

/** The first address that answers, from the given place in the list on; undefined when none does. */
const reachOne = async (locate: Locate, turn: number): Promise<Socket | undefined> => {
  const addresses = (await locate().catch(() => [])).toSorted((a, b) => (a.host < b.host ? -1 : 1))
  for (const index of addresses.keys()) {
    const address = addresses[(turn + index) % addresses.length] as Address
    const socket = await reach(address).catch(() => undefined)
    if (socket) return socket
  }
  return undefined
}

/** Bytes, ends of streams and failures of each side go to the other. */
const tie = (one: Socket, other: Socket) => {
  one.pipe(other)
  one.on("error", () => other.resetAndDestroy())
  one.on("close", () => other.destroySoon())
}

/** Listens on a port and forwards; a client is reset when no container answers. */
export const forward = async (port: number, locate: Locate): Promise<Server> => {
  let turn = 0
  const server = createServer(
    { ...KEEP_ALIVE, noDelay: true, allowHalfOpen: true },
    async (client) => {
      client.on("error", () => {})
      turn += 1
      const backend = await reachOne(locate, turn)
      if (backend === undefined || client.destroyed) {
        backend?.destroy()
        client.resetAndDestroy()
        return
      }
      tie(client, backend)
      tie(backend, client)
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  server.listen(port)
  await once(server, "listening")
  return server
}
