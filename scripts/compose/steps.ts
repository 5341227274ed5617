/** What both parts of `npm run test:compose` do with a stack, and hold it to. */
import assert from "node:assert/strict"
import { setTimeout as sleep } from "node:timers/promises"
import type { Stack } from "./engine.ts"
import type { Writes } from "./writes.ts"

/** A lease of 10 s, the next heartbeat after it, and a batch. */
const DRAIN_LIMIT_MILLIS = 40_000
const POLL_MILLIS = 200

/** Resolves to what is worth a line. */
export type Step = (stack: Stack, writes: Writes) => Promise<string>

/** With their names, in their order. */
export type Steps = ReadonlyArray<readonly [string, Step]>

export const get = async (url: string) => {
  const response = await fetch(url)
  return { status: response.status, body: await response.json() }
}

/** Waits until a check passes. @throws what it last threw. */
export const eventually = async (check: () => Promise<void>, limit = DRAIN_LIMIT_MILLIS) => {
  for (const deadline = Date.now() + limit; ; await sleep(POLL_MILLIS)) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
  }
}

/** Waits until the health is this one. */
export const healthBecomes = ({ url }: Stack, status: number, expected: object) =>
  eventually(async () => {
    const found = await get(`${url.stats}/health`)
    assert.equal(found.status, status)
    assert.partialDeepStrictEqual(found.body, expected)
  })

/** All is up, and every write is on disk. */
export const WELL = { status: "healthy", worker_active: true, durability: "aof-always" }

/** Brings all of these up, each as often as it is named. */
export const up =
  (services: ReadonlyArray<string>, jobs: ReadonlyArray<string>): Step =>
  async ({ compose, containers }) => {
    await compose("up", "--detach", "--build", "--wait")
    const all = await containers()
    const healthy = all.filter(({ Health }) => Health === "healthy").map(({ Service }) => Service)
    assert.deepEqual(healthy.toSorted(), services)
    const done = all.filter(({ State, ExitCode }) => State === "exited" && ExitCode === 0)
    assert.deepEqual(done.map(({ Service }) => Service).toSorted(), jobs)
    return `${healthy.length} healthy, ${done.length} jobs done`
  }

/** Waits until nothing waits, and finds every accepted write in the table. */
export const nothingIsLost: Step = async ({ compose, url }, { accepted }) => {
  await eventually(async () => {
    const { body } = await get(`${url.stats}/stats`)
    assert.equal(body.queue_depth + body.in_flight, 0, "writes still wait")
    assert.equal(body.writes_queued, body.writes_processed)
    assert.equal(body.writes_failed, 0)
  })
  const select = "select key || '=' || value from key_values"
  const psql = ["psql", "--username=owner", "--dbname=write_buffer", "-Atc", select]
  const rows = new Set((await compose("exec", "-T", "postgres", ...psql)).split("\n"))
  const lost = [...accepted].filter(([key, value]) => !rows.has(`${key}=${value}`))
  assert.deepEqual(lost, [], "accepted writes are not in the table")
  return `all ${accepted.size} accepted are in the table`
}

export const under = async (stack: Stack, writes: Writes, fault: () => Promise<unknown>) =>
  `${await writes.during(fault)}; ${await nothingIsLost(stack, writes)}`

export const down: Step = async ({ compose, leftovers }) => {
  await compose("down", "--volumes")
  assert.deepEqual(await leftovers(), { containers: 0, volumes: 0, networks: 0 })
  return "no container, volume or network is left"
}
