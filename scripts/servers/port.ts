/**
 * Free ports of the loopback interface. A port belongs to the process that binds it first, so each process
 * that asks for free ones gets a block of ports to itself: two test runs never choose the same.
 */
import { once } from "node:events"
import { createServer, type Server } from "node:net"

/** Below the ranges that Linux (32768) and macOS (49152) use for outgoing connections. */
const LOWEST = 20_000
const BLOCK_PORTS = 100
const BLOCKS = 120
const TRIES = 400

const bind = async (port: number, host: string): Promise<Server | null> => {
  const server = createServer()
  server.listen({ port, host })
  return await once(server, "listening").then(
    () => server,
    () => null,
  )
}

export const isFree = async (port: number, host = "127.0.0.1"): Promise<boolean> => {
  const server = await bind(port, host)
  server?.close()
  if (server) await once(server, "close")
  return server !== null
}

/** A block is taken by listening on its first port, so it is free again however its owner ends. */
const takeBlock = async (): Promise<number> => {
  for (let left = TRIES; left > 0; left--) {
    const first = LOWEST + BLOCK_PORTS * Math.floor(Math.random() * BLOCKS)
    const server = await bind(first, "127.0.0.1")
    if (server === null) continue
    server.unref()
    return first
  }
  throw new Error(`No ${BLOCK_PORTS} ports found in ${TRIES} tries from ${LOWEST}`)
}

let block: Promise<number> | undefined
let given = 0

/**
 * A free port. Not one from the system (port 0): between our test and the store's bind, any outgoing
 * connection on the machine could be given that port, and a test would fail once in a while. One after
 * the other, so that a server that was stopped finds its port again.
 */
export const freePort = async (): Promise<number> => {
  block ??= takeBlock()
  const first = await block
  for (let left = TRIES; left > 0; left--) {
    const port = first + 1 + (given++ % (BLOCK_PORTS - 1))
    if (await isFree(port)) return port
  }
  throw new Error(`No free port found in ${TRIES} tries from ${first} to ${first + BLOCK_PORTS}`)
}
