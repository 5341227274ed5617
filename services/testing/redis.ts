/**
 * A Redis for the tests of a file or block: a part of everybody's, or with `own` a server that may be
 * reconfigured.
 */
import { afterAll, beforeAll } from "vitest"
import { temporaryDirectory } from "../../scripts/servers/directory.ts"
import { startRedis } from "../../scripts/servers/redis.ts"
import { borrow, type Opened, type Ownership } from "./borrowed.ts"

const openOwn = async (kind: "native" | "wasm") => {
  const directory = await temporaryDirectory()
  const start = (port = 0) => startRedis({ directory: directory.path, kind, port })
  let store = await start()
  return {
    store: () => store,
    restart: async () => {
      store = await start(store.port)
    },
    close: async () => {
      await store.stop()
      await directory.remove()
    },
  }
}

/** @throws from `kill`, `stop`, `pid` and `exited` of the store, unless it is its own. */
export const openRedis = (
  kind: "native" | "wasm",
  { own = false }: Ownership = {},
): Promise<Opened> => (own ? openOwn(kind) : borrow(kind))

export const useRedis = (kind: "native" | "wasm", options: Ownership = {}) => {
  let opened: Opened
  beforeAll(async () => {
    opened = await openRedis(kind, options)
  })
  afterAll(() => opened?.close())
  return { url: () => opened.store().url }
}
