/** Statements without an end. Both tests wait for the worker's own limits, side by side. */

import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { STATEMENT_MARGIN_MILLIS } from "../../shared/postgres/postgres.ts"
import { onEachRow } from "../../shared/testing/table.ts"
import { Database } from "./database.ts"
import { isSlow } from "./errors.ts"
import { STATEMENT_DEADLINE } from "./settings.ts"
import { item } from "./testing/kit.ts"
import { layerAt, Postgres, useDatabase } from "./testing/postgres.ts"

const { layer } = useDatabase()

const DEADLINE_MILLIS = Duration.toMillis(STATEMENT_DEADLINE)

const writing = Effect.gen(function* () {
  const database = yield* Database
  const begin = performance.now()
  const error = yield* Effect.flip(database.write(DEFAULT_TABLE, [item("a", 1)]))
  return { error, millis: performance.now() - begin }
})

/** Accepts connections and never says a word. */
const silent = Effect.acquireRelease(
  Effect.promise(async () => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
    })
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    return { server, sockets }
  }),
  ({ server, sockets }) =>
    Effect.sync(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    }),
)

describe.concurrent("a statement without an end", () => {
  it.live("ends as BatchFailed 57014 when the server cancels it, and is slow", () =>
    Effect.gen(function* () {
      const { sql } = yield* Postgres
      yield* Effect.promise(() => sql(onEachRow("slow", "perform pg_sleep(60)")))
      const { error, millis } = yield* writing
      expect(error).toMatchObject({ _tag: "BatchFailed", sqlstate: "57014" })
      expect(isSlow(error)).toBe(true)
      expect(millis).toBeLessThan(DEADLINE_MILLIS - STATEMENT_MARGIN_MILLIS + 1_500)
    }).pipe(Effect.provide(layer)),
  )

  it.live("ends as DatabaseUnavailable by the deadline when the server never answers", () =>
    Effect.gen(function* () {
      const { server } = yield* silent
      const { port } = server.address() as AddressInfo
      const url = `postgres://postgres:postgres@127.0.0.1:${port}/write_buffer`
      const { error, millis } = yield* Effect.provide(writing, layerAt(url))
      expect(error).toMatchObject({ _tag: "DatabaseUnavailable", sqlstate: null })
      expect(millis).toBeLessThan(DEADLINE_MILLIS + 1_500)
    }),
  )
})
