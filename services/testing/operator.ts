/**
 * A test's own connection to a server of Redis of whatever role, replicas and Sentinels as well. What is said
 * while the server is away waits until it is back.
 */
import { Redis } from "ioredis"
import type { Opened } from "./store.ts"

const LIMIT_MILLIS = 20_000
const RETRY_MILLIS = 50

export const openOperator = (port: number, password?: string) => {
  const connection = new Redis({
    ...{ port, host: "127.0.0.1", enableReadyCheck: false, maxRetriesPerRequest: null },
    ...{ commandTimeout: LIMIT_MILLIS, retryStrategy: () => RETRY_MILLIS },
    ...(password !== undefined && { password }),
  })
  connection.on("error", () => {})
  return connection
}

/** A server with the connection to it; both are closed as one. */
export const operated = (server: Opened, password?: string) => {
  const connection = openOperator(server.port, password)
  const close = async () => {
    connection.disconnect()
    // At once: one that becomes a replica refuses to stop until it has rewritten its log.
    await server.end("SIGKILL")
    await server.close()
  }
  return { ...server, connection, close }
}
