/** Ports of the loopback interface: which are free. A port is taken by whoever binds it first. */
import { once } from "node:events"
import { createServer } from "node:net"

/** Below the ranges that Linux (32768) and macOS (49152) use for outgoing connections. */
const LOWEST = 20_000
const COUNT = 12_000
const TRIES = 100

export const isFree = async (port: number, host = "127.0.0.1"): Promise<boolean> => {
  const server = createServer()
  server.listen({ port, host })
  try {
    await once(server, "listening")
  } catch {
    return false
  }
  server.close()
  await once(server, "close")
  return true
}

/**
 * A free port. Not one from the system (port 0): between our test and the store's bind, any outgoing
 * connection on the machine could be given that port, and a test would fail once in a while.
 */
export const freePort = async (): Promise<number> => {
  for (let left = TRIES; left > 0; left--) {
    const port = LOWEST + Math.floor(Math.random() * COUNT)
    if (await isFree(port)) return port
  }
  throw new Error(`No free port found in ${TRIES} tries from ${LOWEST} to ${LOWEST + COUNT}`)
}
