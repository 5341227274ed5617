/**
 * The process with the servers that the test files of a run share: a PostgreSQL and a Redis of each
 * kind, each started when the first file asks for it. A borrower gets a database of its own, copied
 * from a migrated one, or a number of its own in Redis. When it ends, so do the servers, and the folder
 * with all that the run has written is gone.
 */
import { once } from "node:events"
import { rm } from "node:fs/promises"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import process from "node:process"
import { text } from "node:stream/consumers"
import { Redis } from "ioredis"
import postgres from "postgres"
import { startPostgres } from "../../scripts/servers/postgres.ts"
import { startRedis } from "../../scripts/servers/redis.ts"
import { migrate } from "./migrate.ts"

/** What a file can borrow. */
export type Kind = "postgres" | "native" | "wasm"

/** Nothing of it outlives the run: only the files of those who test durability must. */
const POSTGRES = { fsync: "off", shared_buffers: "32MB", max_connections: "300" }
const TEMPLATE = "write_buffer"

/** As many as a Redis has that nobody configured; three files run at once, and most take one. */
const REDIS_NUMBERS = 16

interface Lender {
  readonly lend: () => Promise<string>
  readonly takeBack: (url: string) => Promise<unknown>
  readonly stop: () => Promise<void>
}

const lendDatabases = async (directory: string): Promise<Lender> => {
  const store = await startPostgres({ directory, settings: POSTGRES, database: TEMPLATE })
  await migrate(store.url)
  const at = (database: string) => store.url.replace(/[^/]+$/, database)
  const sql = postgres(at("postgres"), { max: 2, onnotice: () => {} })
  let lent = 0
  return {
    lend: async () => {
      const name = `test_${++lent}`
      // Copied as files, in 30 ms: as WAL it takes 90.
      await sql.unsafe(`create database ${name} template ${TEMPLATE} strategy file_copy`)
      return at(name)
    },
    takeBack: (url) => sql.unsafe(`drop database ${/\w+$/.exec(url)?.[0]} with (force)`),
    stop: async () => {
      await sql.end({ timeout: 0 })
      await store.stop()
    },
  }
}

const lendNumbers = async (directory: string, kind: "native" | "wasm"): Promise<Lender> => {
  const store = await startRedis({ directory, kind })
  const free = Array.from({ length: REDIS_NUMBERS }, (_, number) => `${store.url}/${number}`)
  return {
    lend: async () => {
      const url = free.shift()
      if (url === undefined) throw new Error(`all ${REDIS_NUMBERS} databases of Redis are lent`)
      return url
    },
    takeBack: async (url) => {
      const redis = new Redis(url)
      await redis.flushdb()
      redis.disconnect()
      free.push(url)
    },
    stop: () => store.stop(),
  }
}

/** Serves until it is told to stop, or until vitest is gone, of which its guard tells it. */
const main = async (directory: string) => {
  const lenders = new Map<string, Promise<Lender>>()
  const start = (kind: Kind) => {
    const place = join(directory, kind)
    return kind === "postgres" ? lendDatabases(place) : lendNumbers(place, kind)
  }
  const answer = async (request: IncomingMessage): Promise<string> => {
    const kind = (request.url ?? "/").slice(1) as Kind
    const lender = lenders.get(kind) ?? start(kind)
    lenders.set(kind, lender)
    if (request.method === "POST") return await (await lender).lend()
    await (await lender).takeBack(await text(request))
    return ""
  }
  const server = createServer((request, response) => {
    answer(request).then(
      (url) => response.end(url),
      (error: Error) => response.writeHead(500).end(error.message),
    )
  })
  const told = once(process, "SIGTERM")
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  console.log(`lending at http://127.0.0.1:${(server.address() as AddressInfo).port}`)

  await told
  server.close()
  server.closeAllConnections()
  const started = await Promise.allSettled(lenders.values())
  for (const one of started) if (one.status === "fulfilled") await one.value.stop()
  await rm(directory, { recursive: true, force: true, maxRetries: 40, retryDelay: 20 })
}

await main(process.argv[2] as string)
