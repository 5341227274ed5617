/** A Redis for the tests of a file or block: a part of everybody's, or with `own` a server that may be reconfigured. */
import { afterAll, beforeAll } from "vitest"
import { temporaryDirectory } from "../../scripts/directory.ts"
import { startRedis } from "../../scripts/redis.ts"
import type { Store } from "../../scripts/store.ts"
import { borrow } from "./borrowed.ts"

interface Opened {
  readonly store: Store
  readonly close: () => Promise<void>
}

const openOwn = async (kind: "native" | "wasm"): Promise<Opened> => {
  const directory = await temporaryDirectory()
  const store = await startRedis({ directory: directory.path, kind })
  const close = async () => {
    await store.stop()
    await directory.remove()
  }
  return { store, close }
}

const openShared = async (kind: "native" | "wasm"): Promise<Opened> => {
  const { store, giveBack } = await borrow(kind)
  return { store, close: giveBack }
}

export const useRedis = (
  kind: "native" | "wasm",
  { own = false }: { readonly own?: boolean } = {},
) => {
  let opened: Opened
  beforeAll(async () => {
    opened = await (own ? openOwn(kind) : openShared(kind))
  })
  afterAll(() => opened?.close())
  return { url: () => opened.store.url, store: () => opened.store }
}
