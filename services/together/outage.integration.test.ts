/**
 * A store goes away in the middle of the load and comes back: clients see what the contract says, no
 * accepted write is lost, and everything goes on by itself.
 */
import { afterEach, expect, test } from "vitest"
import { nativeRedis } from "../../scripts/servers/redis.ts"
import { expectAllStored, writeMany } from "../testing/oracle.ts"
import { type Stack, startStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

let stack: Stack

afterEach(() => stack?.stop())

test("PostgreSQL away: writes go on, reads say 503, and nothing is lost, tried or buried", async () => {
  stack = await startStack({ redis: nativeRedis() ? "native" : "wasm", own: true })
  const { client, postgres } = stack
  const before = await writeMany(stack, "before", 300)
  postgres.kill("SIGKILL")
  await postgres.exited
  const during = await writeMany(stack, "during", 300)
  expect(during).toHaveLength(300)
  expect((await client.read("before:0")).status).toBe(503)
  const held = await until("held", async () => {
    const health = await client.health()
    return health.held && health
  })
  expect(held).toMatchObject({ code: 503, status: "unhealthy" })
  const { queue_depth, in_flight } = await client.stats()
  expect(queue_depth + in_flight).toBeGreaterThanOrEqual(300)
  await stack.restart("postgres")
  const stats = await expectAllStored(stack, [...before, ...during])
  expect(stats).toMatchObject({ writes_failed: 0, writes_queued: 600 })
  expect((await client.read("before:0")).status).toBe(200)
})

test.runIf(nativeRedis())(
  "Redis killed: writes say 503 at once, reads go on, and what was accepted is stored",
  async () => {
    stack = await startStack({ redis: "native", own: true })
    const { client, redis } = stack
    const before = await writeMany(stack, "before", 300)
    await client.visible("before:0", 0)
    redis.kill("SIGKILL")
    await redis.exited
    const asked = performance.now()
    const refused = await client.post("refused", "must never appear")
    expect(refused.status).toBe(503)
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/)
    expect(performance.now() - asked).toBeLessThan(1_000)
    expect(((await refused.json()) as { type: string }).type).toContain("queue-unavailable")
    expect((await client.read("before:0")).status).toBe(200)
    await stack.restart("redis")
    await until("accepted again", async () => (await client.post("again", "value of again")).ok)
    const after = await writeMany(stack, "after", 300)
    await expectAllStored(stack, [...before, ...after, "again"])
    expect((await client.read("refused")).status).toBe(404)
  },
)
