/** Two stacks that met on one Redis: the queue goes to one database, and to the other on purpose. */
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Service, startService } from "../../scripts/servers/service.ts"
import { openDatabase } from "../../shared/postgres/postgres.ts"
import type { Opened } from "../testing/borrowed.ts"
import { client } from "../testing/client.ts"
import { openPostgres } from "../testing/postgres.ts"
import { REDIS_KINDS, type Stack, startStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

const ADMIN_TOKEN = "0123456789abcdef0123456789abcdef"

let production: Stack
let database: Opened
const staging: Service[] = []
let stagingStats: ReturnType<typeof client>

const startStaging = async (name: "worker" | "stats") => {
  const service = await startService(name, {
    env: {
      DATABASE_URL: database.store().url,
      REDIS_URL: production.redis.url,
      LEASE_SECONDS: "1.5",
      ADMIN_TOKEN,
    },
  })
  staging.push(service)
  return service
}

beforeAll(async () => {
  const [stack, opened] = await Promise.all([startStack({ redis: REDIS_KINDS[0] }), openPostgres()])
  production = stack
  database = opened
})
afterAll(async () => {
  await Promise.all(staging.map((service) => service.stop()))
  await production?.stop()
  await database?.close()
})

const rowsOf = async (url: string) => {
  const opened = openDatabase(url, { name: "test", maxConnections: 1, deadlineMillis: 10_000 })
  const rows = await opened.run(
    (sql) => sql<{ key: string }[]>`select key from key_values order by key`,
  )
  await opened.close()
  return rows.map(({ key }) => key)
}

test("a worker of another database takes nothing, and health says whose the queue is", async () => {
  await production.client.write("first", "v")
  await production.client.drained()
  const [worker, stats] = [await startStaging("worker"), await startStaging("stats")]
  expect(worker.port).toBeGreaterThan(0)
  stagingStats = client({ ...production.urls, stats: stats.url })
  const { held = [] } = await until("the worker holds", async () => {
    const health = await stagingStats.health()
    return health.held !== undefined && health
  })
  const name = new URL(production.postgres.url).pathname.slice(1)
  expect(held.join()).toContain(`queue of "${name}" (schema public) of server`)
  expect(held.join()).not.toMatch(/postgres:|127\.0\.0\.1/)
  for (let number = 0; number < 30; number++) await production.client.write(`key ${number}`, "v")
  await production.client.drained()
  expect(await rowsOf(production.postgres.url)).toHaveLength(31)
  expect(await rowsOf(database.store().url)).toEqual([])
})

test("an operator gives it to the other database, and then the first worker holds", async () => {
  const response = await fetch(`${staging[1]?.url}/queue/adopt`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  })
  expect(response.status).toBe(200)
  await production.client.write("moved", "v")
  await production.client.drained()
  expect(await rowsOf(database.store().url)).toEqual(["moved"])
  expect(await rowsOf(production.postgres.url)).toHaveLength(31)
  await staging[0]?.stop()
  await production.client.write("waits", "v")
  const name = new URL(database.store().url).pathname.slice(1)
  await until("the first worker holds", async () =>
    (await production.client.health()).held?.join().includes(`queue of "${name}"`),
  )
  expect(await production.client.stats()).toMatchObject({ queue_depth: 1, in_flight: 0 })
})
