/** A client of the whole stack, that speaks the HTTP contract and nothing else. */
import type { Stats } from "../../shared/contract.ts"
import { until } from "./until.ts"

const postWrite = (url: string, key: string, value: string) =>
  fetch(`${url}/write`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key, value }),
  })

/** The four calls of the contract. */
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
    write: async (key: string, value: string): Promise<number> => {
      const response = await postWrite(urls.ingest, key, value)
      if (response.status !== 202) throw new Error(`POST /write: ${response.status}`)
      return ((await response.json()) as { version: number }).version
    },
    read,
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
