/**
 * A client of the buffer over `fetch` alone, for Node, Deno and browsers: from the pages of ALLOWED_ORIGINS it
 * writes; the reader sends no CORS headers, and has to be at the page's own origin, behind a proxy.
 * It knows the declared tables by their types alone, and nothing of Effect.
 * A call is repeated while that may help, a write always under one Idempotency-Key: it is queued once,
 * however many replies are lost.
 */
import { BACKOFF_MILLIS, ClientError, makeSend, pause } from "./client/call.ts"
import type { RowOf, Table } from "./table/table.ts"
import type { TABLES } from "./tables.ts"

export { ClientError, NO_ANSWER } from "./client/call.ts"

/** The services wait no longer in one call; `waitFor` repeats it. */
const WAIT_MAX_SECONDS = 30

export type TableName = keyof typeof TABLES

/** Of a table whose rows can be deleted. */
export type DeletableName = {
  [N in TableName]: (typeof TABLES)[N]["deletes"] extends true ? N : never
}[TableName]

type ColumnsOf<N extends TableName> = (typeof TABLES)[N] extends Table<infer C> ? C : never

/** What a write of this table takes. */
export type ClientRow<N extends TableName> = RowOf<ColumnsOf<N>>

/** What a read of this table gives. */
export type ClientStoredRow<N extends TableName> = Required<ClientRow<N>> & {
  readonly version: number
  readonly updated_at?: string
}

/** As the table has it; of an appended row its version. */
export type Key = string | number

export interface ClientOptions {
  /** The addresses of both services, such as http://localhost:8006. */
  readonly ingest: string
  readonly reader: string
  readonly token?: string
  readonly fetch?: typeof globalThis.fetch
}

export interface WriteOptions {
  /** For how many seconds to wait until it is in PostgreSQL, 30 at most. */
  readonly wait?: number
  /** Left out: one for this call. Give your own to repeat a call that ended with an error, as it was. */
  readonly idempotencyKey?: string
}

export interface ReadOptions {
  /** The version that a write had: the row as it is then, or later. */
  readonly minVersion?: number
  /** For how many seconds to wait until it is there, 30 at most. */
  readonly wait?: number
}

export interface Written {
  readonly version: number
  /** It is in PostgreSQL; without that it is in the queue. */
  readonly committed: boolean
}

export interface WrittenMany {
  /** Of each row, in their order. */
  readonly versions: ReadonlyArray<number>
  readonly committed: boolean
}

const waitOf = (seconds = 0) => Math.min(Math.max(Math.ceil(seconds), 0), WAIT_MAX_SECONDS)

/** A path below the address of a service, which may have one itself. */
const place = (service: string, ...segments: ReadonlyArray<string | number>) =>
  [service.replace(/\/+$/, ""), ...segments.map(encodeURIComponent)].join("/")

/** Browsers have crypto.randomUUID for pages with TLS alone. */
const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("")

const isMissing = (error: unknown) =>
  error instanceof ClientError && error.type === "/problems/no-such-key"

const isBehind = (error: unknown) =>
  error instanceof ClientError && error.type === "/problems/version-not-reached"

export type Client = ReturnType<typeof makeClient>

type Send = ReturnType<typeof makeSend>

/** The calls that write. */
const makeWrites = ({ ingest }: ClientOptions, authorization: HeadersInit, send: Send) => {
  const write = (url: string, options: WriteOptions, body?: unknown, prefer: string[] = []) => {
    const seconds = waitOf(options.wait)
    const headers = new Headers(authorization)
    headers.set("idempotency-key", options.idempotencyKey ?? randomKey())
    const preferences = [...prefer, ...(seconds > 0 ? [`wait=${seconds}`] : [])]
    if (preferences.length > 0) headers.set("prefer", preferences.join(", "))
    if (body === undefined) return send({ method: "DELETE", url, headers, seconds })
    headers.set("content-type", "application/json")
    return send({ method: "POST", url, headers, seconds, body: JSON.stringify(body) })
  }
  return {
    write: async <N extends TableName>(table: N, row: ClientRow<N>, options: WriteOptions = {}) => {
      const { version, committed = false } = await write(
        place(ingest, "write", table),
        options,
        row,
      )
      return { version, committed } as Written
    },
    /** All of them are queued, or the call is repeated until they are. */
    writeMany: async <N extends TableName>(
      table: N,
      rows: ReadonlyArray<ClientRow<N>>,
      options: WriteOptions = {},
    ) => {
      const url = place(ingest, "writes", table)
      const { versions, committed = false } = await write(url, options, rows, [
        "return=representation",
      ])
      return { versions, committed } as WrittenMany
    },
    delete: async (table: DeletableName, key: Key, options: WriteOptions = {}) => {
      const { version, committed = false } = await write(
        place(ingest, "write", table, key),
        options,
      )
      return { version, committed } as Written
    },
  }
}

/** The calls that read. */
const makeReads = ({ reader }: ClientOptions, authorization: HeadersInit, send: Send) => {
  const get = (url: string, seconds = 0) => {
    const headers = new Headers(authorization)
    if (seconds > 0) headers.set("prefer", `wait=${seconds}`)
    return send({ method: "GET", url, headers, seconds })
  }
  /** Without what every success has. */
  const rowOf = <N extends TableName>({ success: _, ...row }: { readonly success: true }) =>
    row as unknown as ClientStoredRow<N>
  /** Null where there is no row, or none any more. */
  const read = async <N extends TableName>(table: N, key: Key, options: ReadOptions = {}) => {
    const { minVersion } = options
    const query = minVersion === undefined ? "" : `?min_version=${minVersion}`
    try {
      return rowOf<N>(await get(place(reader, "read", table, key) + query, waitOf(options.wait)))
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }
  return {
    read,
    /** In the order of the keys, of which there are 1 to 100; null where there is no row. */
    readMany: async <N extends TableName>(table: N, keys: ReadonlyArray<Key>) => {
      const query = keys.map((key) => `key=${encodeURIComponent(key)}`).join("&")
      const { rows } = await get(`${place(reader, "read", table)}?${query}`)
      return rows as ReadonlyArray<ClientStoredRow<N> | null>
    },
    /** The row once it has this version or a later one, null when that is its deletion. */
    waitFor: async <N extends TableName>(
      table: N,
      key: Key,
      minVersion: number,
      seconds: number,
    ) => {
      const until = performance.now() + seconds * 1_000
      for (;;) {
        const wait = (until - performance.now()) / 1_000
        try {
          return await read(table, key, { minVersion, wait })
        } catch (error) {
          if (!isBehind(error) || performance.now() >= until) throw error
          await pause(BACKOFF_MILLIS)
        }
      }
    },
  }
}

/** @throws when an address is none. */
export const makeClient = (options: ClientOptions) => {
  const { fetch = globalThis.fetch, token } = options
  for (const address of [options.ingest, options.reader]) new URL(address)
  const authorization: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const send = makeSend(fetch)
  return {
    ...makeWrites(options, authorization, send),
    ...makeReads(options, authorization, send),
  }
}
