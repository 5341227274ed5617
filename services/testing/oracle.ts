/**
 * The write-once oracle: each key is written once, so that a lost write has no later one to hide behind
 * ("final value of hot keys" passed in every lossy run that was tried). Each accepted key must have its
 * row, and the counters must balance.
 */
import { once } from "node:events"
import { Agent, type IncomingMessage, request } from "node:http"
import { expect } from "vitest"
import { openDatabase } from "../../shared/postgres/postgres.ts"
import type { Stack } from "./stack.ts"

/** Runs a statement as the owner of the table. */
export const sql = async <A>(stack: Stack, statement: string): Promise<A[]> => {
  const database = openDatabase(stack.postgres.url, {
    name: "test",
    maxConnections: 1,
    deadlineMillis: 10_000,
  })
  try {
    return (await database.run((query) => query.unsafe(statement))) as unknown as A[]
  } finally {
    await database.close()
  }
}

/** The status of one POST /write; a third of what `fetch` costs, which counts with 20,000 of them. */
const post = async (agent: Agent, url: string, key: string): Promise<number | undefined> => {
  const headers = { "content-type": "application/json" }
  const call = request(`${url}/write`, { agent, method: "POST", headers })
  call.end(JSON.stringify({ key, value: `value of ${key}` }))
  const [response] = (await once(call, "response")) as [IncomingMessage]
  response.resume()
  await once(response, "end")
  return response.statusCode
}

/** Posts write-once keys from several clients; returns those that were answered 202. */
export const writeMany = async (
  stack: Stack,
  prefix: string,
  count: number,
  clients = 20,
): Promise<string[]> => {
  const accepted: string[] = []
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  let next = 0
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < count) {
        const key = `${prefix}:${next++}`
        const status = await post(agent, stack.urls.ingest, key).catch(() => null)
        if (status === 202) accepted.push(key)
      }
    }),
  )
  agent.destroy()
  return accepted
}

/** The write-once oracle: each accepted key has its row, and the counters balance. */
export const expectAllStored = async (stack: Stack, accepted: ReadonlyArray<string>) => {
  const stats = await stack.client.drained()
  const rows = await sql<{ key: string; value: string }>(stack, "select key, value from key_values")
  const stored = new Map(rows.map(({ key, value }) => [key, value]))
  expect(accepted.filter((key) => stored.get(key) !== `value of ${key}`)).toEqual([])
  expect(stats.writes_processed + stats.writes_failed).toBe(stats.writes_queued)
  return stats
}
