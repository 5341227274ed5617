/** A client of the whole stack, that speaks the HTTP contract and nothing else. */
import type { Stats } from "../../shared/contract.ts"
import { until } from "./until.ts"

const postWrite = (url: string, key: string, value: string) =>
  fetch(`${url}/write`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key, value }),
  })

const postRow = (url: string, table: string, row: object) =>
  fetch(`${url}/write/${table}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(row),
  })

/** The version of a write that must have been accepted. */
const accepted = async (response: Response): Promise<number> => {
  if (response.status !== 202) throw new Error(`${response.url}: ${response.status}`)
  return ((await response.json()) as { version: number }).version
}

/** Rows of any table. Keys and versions are encoded here. */
const tables = (urls: Readonly<Record<"ingest" | "reader", string>>) => {
  const readRow = async (table: string, key: string | number) => {
    const response = await fetch(`${urls.reader}/read/${table}/${encodeURIComponent(key)}`)
    const row = (await response.json()) as { version: number; [column: string]: unknown }
    return { status: response.status, row }
  }
  return {
    /** A row that must be accepted; returns its version. */
    writeRow: async (table: string, row: object) =>
      accepted(await postRow(urls.ingest, table, row)),
    readRow,
    /** The appended row of this version, once it is there. */
    appended: (table: string, version: number) =>
      until(`${table}/${version} visible`, async () => {
        const { status, row } = await readRow(table, version)
        return status === 200 && row
      }),
    /** The rows of these keys; without a table those of the calls that need none. */
    readRows: async (keys: ReadonlyArray<string | number>, table?: string) => {
      const query = new URLSearchParams(keys.map((key) => ["key", String(key)]))
      const path = table === undefined ? "/read" : `/read/${table}`
      const response = await fetch(`${urls.reader}${path}?${query}`)
      return ((await response.json()) as { rows: unknown[] }).rows
    },
    /** A deletion that must be accepted; returns its version. */
    remove: async (key: string, table?: string) => {
      const path = `/write/${table === undefined ? "" : `${table}/`}${encodeURIComponent(key)}`
      return accepted(await fetch(urls.ingest + path, { method: "DELETE" }))
    },
  }
}

/** The calls of the contract. */
export const client = (urls: Readonly<Record<"ingest" | "reader" | "stats", string>>) => {
  const stats = async (): Promise<Stats> =>
    (await (await fetch(`${urls.stats}/stats`)).json()) as Stats
  const read = async (key: string) => {
    const response = await fetch(`${urls.reader}/read/${encodeURIComponent(key)}`)
    const row = (await response.json()) as { value: string; version: number }
    return { status: response.status, ...row }
  }
  return {
    post: (key: string, value: string) => postWrite(urls.ingest, key, value),
    /** A write that must be accepted; returns its version. */
    write: async (key: string, value: string) => accepted(await postWrite(urls.ingest, key, value)),
    ...tables(urls),
    read,
    /** Once there is no row of the key. */
    gone: (key: string) => until(`${key} gone`, async () => (await read(key)).status === 404),
    /** The row once it has at least this version. */
    visible: (key: string, version: number) =>
      until(`${key} visible`, async () => {
        const row = await read(key)
        return row.status === 200 && row.version >= version && row
      }),
    stats,
    health: async () => {
      const response = await fetch(`${urls.stats}/health`)
      return {
        code: response.status,
        ...((await response.json()) as { status: string; held?: string[]; worker_active: boolean }),
      }
    },
    drained: (limitMillis?: number) =>
      until(
        "the queue is empty",
        async () => {
          const now = await stats()
          return now.queue_depth === 0 && now.in_flight === 0 && now
        },
        limitMillis,
      ),
  }
}
