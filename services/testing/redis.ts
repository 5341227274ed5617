/**
 * A Redis for tests: a part of everybody's, or with `own` a server that can freeze, die and come back, and
 * that may be reconfigured. The connection is the test's own, past every proxy.
 */
import { readdir, rm, stat, truncate } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { nativeRedis, startRedis } from "../../scripts/servers/redis.ts"
import { openRedis as connect, untilReady } from "../../shared/redis/redis.ts"
import { borrow, type Ownership, openOwn } from "./store.ts"

export const REDIS_KINDS = nativeRedis() ? (["native", "wasm"] as const) : (["wasm"] as const)
export type RedisKind = (typeof REDIS_KINDS)[number]

const READY_LIMIT_MILLIS = 10_000

interface RedisOptions extends Ownership {
  /** Settings of a server of its own. */
  readonly settings?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** Hears each line that a server of its own prints. */
  readonly onLine?: ((line: string) => void) | undefined
}

export type TestRedis = Awaited<ReturnType<typeof openRedis>>

export const openRedis = async (
  kind: RedisKind,
  { own = false, settings = {}, env = {}, onLine }: RedisOptions = {},
) => {
  const opened = own
    ? await openOwn((directory, port) =>
        startRedis({ directory, port, kind, settings, env, onLine }),
      )
    : await borrow(kind)
  const { requirepass } = settings
  const url = requirepass ? opened.url.replace("//", `//:${requirepass}@`) : opened.url
  const connection = connect(url, { name: "test" })
  await untilReady(connection, READY_LIMIT_MILLIS)
  const log = () => join(opened.directory(), "appendonlydir")
  /** The file that grows; the others are as old as the last rewrite. */
  const tail = async () => {
    const files = (await readdir(log())).filter((file) => file.endsWith(".incr.aof")).sort()
    return join(log(), files.at(-1) as string)
  }
  return {
    ...opened,
    url,
    connection,
    start: async () => {
      await opened.start()
      await untilReady(connection, READY_LIMIT_MILLIS)
    },
    /** Only while it is down: everything it kept is gone. */
    forget: () => rm(log(), { recursive: true }),
    size: async () => (await stat(await tail())).size,
    /** Only while it is down: as if the machine had died amid a write. */
    truncate: async (bytes: number) => truncate(await tail(), bytes),
    close: async () => {
      connection.disconnect()
      await opened.close()
    },
  }
}

export const useRedis = (kind: RedisKind, options: RedisOptions = {}): (() => TestRedis) => {
  let opened: TestRedis
  beforeAll(async () => {
    opened = await openRedis(kind, options)
  })
  afterAll(() => opened?.close())
  return () => opened
}
