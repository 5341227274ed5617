/** Two stacks that met on one Redis: the queue goes to one database, and to the other on purpose. */
import { afterAll, expect, test } from "vitest"
import { type Service, startService } from "../../scripts/servers/service.ts"
import { TABLE } from "../../shared/testing/table.ts"
import { client } from "../testing/client.ts"
import { type TestPostgres, usePostgres } from "../testing/postgres.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { useStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

const ADMIN_TOKEN = "0123456789abcdef0123456789abcdef"

const production = useStack({ redis: REDIS_KINDS[0] })
const database = usePostgres()
const staging: Service[] = []
let stagingStats: ReturnType<typeof client>

const startStaging = async (name: "worker" | "stats") => {
  const service = await startService(name, {
    env: {
      DATABASE_URL: database().url,
      REDIS_URL: production().redis.url,
      LEASE_SECONDS: "1.5",
      ADMIN_TOKEN,
    },
  })
  staging.push(service)
  return service
}

afterAll(() => Promise.all(staging.map((service) => service.stop())))

const keysIn = async ({ sql }: TestPostgres) =>
  (await sql<{ key: string }>(`select key from ${TABLE} order by key`)).map(({ key }) => key)

test("a worker of another database takes nothing, and health says whose the queue is", async () => {
  await production().client.write("first", "v")
  await production().client.drained()
  const [worker, stats] = [await startStaging("worker"), await startStaging("stats")]
  expect(worker.port).toBeGreaterThan(0)
  stagingStats = client({ ...production().urls, stats: stats.url })
  const { held = [] } = await until("the worker holds", async () => {
    const health = await stagingStats.health()
    return health.held !== undefined && health
  })
  const name = new URL(production().postgres.url).pathname.slice(1)
  expect(held.join()).toContain(`queue of "${name}" (schema public) of server`)
  expect(held.join()).not.toMatch(/postgres:|127\.0\.0\.1/)
  for (let number = 0; number < 30; number++) await production().client.write(`key ${number}`, "v")
  await production().client.drained()
  expect(await keysIn(production().postgres)).toHaveLength(31)
  expect(await keysIn(database())).toEqual([])
})

test("an operator gives it to the other database, and then the first worker holds", async () => {
  const response = await fetch(`${staging[1]?.url}/queue/adopt`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  })
  expect(response.status).toBe(200)
  await production().client.write("moved", "v")
  await production().client.drained()
  expect(await keysIn(database())).toEqual(["moved"])
  expect(await keysIn(production().postgres)).toHaveLength(31)
  await staging[0]?.stop()
  await production().client.write("waits", "v")
  const name = new URL(database().url).pathname.slice(1)
  await until("the first worker holds", async () =>
    (await production().client.health()).held?.join().includes(`queue of "${name}"`),
  )
  expect(await production().client.stats()).toMatchObject({ queue_depth: 1, in_flight: 0 })
})
