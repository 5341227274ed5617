/**
 * A store goes away in the middle of the load and comes back: clients see what the contract says, no
 * accepted write is lost, and everything goes on by itself.
 */
import { afterEach, expect, test } from "vitest"
import { REDIS_KINDS } from "../testing/redis.ts"
import { type Stack, startStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

let stack: Stack

afterEach(() => stack?.stop())

test("PostgreSQL away: writes go on, reads say 503, and nothing is lost, tried or buried", async () => {
  stack = await startStack({ redis: REDIS_KINDS[0], own: true })
  const { client, oracle } = stack
  const [before] = await oracle.once("before", 300)
  await stack.down("postgres", "SIGKILL")
  const during = await oracle.once("during", 300)
  expect(during.filter(({ outcome }) => outcome === "ok")).toHaveLength(300)
  const read = () => client.read(before?.key as string)
  expect((await read()).status).toBe(503)
  const held = await until("held", async () => {
    const health = await client.health()
    return health.held && health
  })
  expect(held).toMatchObject({ code: 503, status: "unhealthy" })
  const { queue_depth, in_flight } = await client.stats()
  expect(queue_depth + in_flight).toBeGreaterThanOrEqual(300)
  await stack.up("postgres")
  expect(await oracle.check()).toMatchObject({ writes_failed: 0, writes_queued: 600 })
  expect((await read()).status).toBe(200)
})

test.runIf(REDIS_KINDS[0] === "native")(
  "Redis killed: writes say 503 at once, reads go on, and what was accepted is stored",
  async () => {
    stack = await startStack({ redis: "native", own: true })
    const { client, oracle } = stack
    const key = (await oracle.once("before", 300))[0]?.key as string
    await client.visible(key, 0)
    await stack.down("redis", "SIGKILL")
    const asked = performance.now()
    const refused = await client.post("refused", "must never appear")
    expect(refused.status).toBe(503)
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/)
    expect(performance.now() - asked).toBeLessThan(1_000)
    expect(((await refused.json()) as { type: string }).type).toContain("queue-unavailable")
    expect((await client.read(key)).status).toBe(200)
    await stack.up("redis")
    await until("accepted again", async () => (await oracle.post("again", "v")).outcome === "ok")
    await oracle.once("after", 300)
    await oracle.check()
    expect((await client.read("refused")).status).toBe(404)
  },
)
