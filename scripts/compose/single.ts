/** The first part of `npm run test:compose`: the stack of compose.yaml, with one of each and one Redis. */
import assert from "node:assert/strict"
import type { Stack } from "./engine.ts"
import { checkConfinement, checkOperators, checkUsers } from "./permissions.ts"
import {
  down,
  eventually,
  get,
  healthBecomes,
  nothingIsLost,
  type Step,
  type Steps,
  under,
  up,
  WELL,
} from "./steps.ts"

const SERVICES = ["gateway", "ingest", "postgres", "reader", "redis", "stats", "worker"]
const JOBS = ["migrate", "roles", "secrets", "users"]

const BACKLOG_WRITES = 200

const depth = async ({ compose }: Stack) =>
  Number(await compose("exec", "-T", "redis", "redis-cli", "LLEN", "write_queue"))

const roundTrip: Step = async (stack, writes) => {
  assert.deepEqual(new Set(await writes.many(50)), new Set([202]))
  const found = await nothingIsLost(stack, writes)
  const { status, body } = await get(`${stack.url.reader}/read/${encodeURIComponent("check:7")}`)
  assert.deepEqual([status, body.value], [200, "value 7"])
  assert.equal(await depth(stack), 0)
  return `${found}; redis-cli LLEN write_queue is 0`
}

const health: Step = async (stack) => {
  const { compose } = stack
  await healthBecomes(stack, 200, WELL)
  await compose("stop", "worker")
  await healthBecomes(stack, 200, { status: "degraded", worker_active: false })
  await compose("stop", "postgres")
  await healthBecomes(stack, 503, { status: "unhealthy", redis: "up", postgres: "down" })
  await compose("start", "postgres")
  await compose("stop", "redis")
  await healthBecomes(stack, 503, { status: "unhealthy", redis: "down", postgres: "up" })
  await compose("start", "redis", "worker")
  await healthBecomes(stack, 200, WELL)
  return "healthy, degraded without a worker, unhealthy without a store, healthy again"
}

const killedWorker: Step = (stack, writes) =>
  under(stack, writes, async () => {
    await stack.compose("kill", "--signal", "SIGKILL", "worker")
    await stack.compose("start", "worker")
  })

const restartedPostgres: Step = (stack, writes) =>
  under(stack, writes, () => stack.compose("restart", "postgres"))

/** Redis is killed with writes in the queue, which it must find again in its log. */
const killedRedis: Step = async (stack, writes) => {
  const { compose } = stack
  await compose("stop", "worker")
  await writes.many(BACKLOG_WRITES)
  const before = await depth(stack)
  await compose("kill", "--signal", "SIGKILL", "redis")
  await compose("start", "redis")
  await eventually(async () => assert.equal(await depth(stack), before))
  const found = await under(stack, writes, async () => {
    await compose("start", "worker")
    await compose("kill", "--signal", "SIGKILL", "redis")
    await compose("start", "redis")
  })
  return `${before} wait as before; ${found}`
}

const scale: Step = async (stack, writes) => {
  const { compose, docker, url } = stack
  await compose("up", "--detach", "--wait", "--scale", "worker=4", "--scale", "ingest=2")
  await eventually(async () => assert.equal((await get(`${url.stats}/stats`)).body.workers, 4))
  const ingests = (await stack.containers()).filter(({ Service }) => Service === "ingest")
  assert.equal(ingests.length, 2)
  // Both ingests are behind one port: with either of them gone, the other takes the writes.
  for (const { Name } of ingests) {
    await docker("stop", Name)
    assert.deepEqual(new Set(await writes.many(20)), new Set([202]), `without ${Name}`)
    await docker("start", Name)
    await eventually(async () => {
      const found = (await stack.containers()).find((container) => container.Name === Name)
      assert.equal(found?.Health, "healthy", Name)
    })
  }
  const found = await under(stack, writes, async () => {
    await compose("kill", "--signal", "SIGKILL", "worker")
    await compose("up", "--detach", "--wait", "--scale", "worker=4", "--scale", "ingest=2")
  })
  await compose("up", "--detach", "--wait", "--scale", "worker=1", "--scale", "ingest=1")
  return `4 workers, 2 ingests behind one port; ${found}`
}

const stop: Step = async (stack, writes) => {
  const { compose, containers, leftovers } = stack
  const seen = await writes.during(async () => {
    await compose("stop")
  }, 0)
  const bad = (await containers()).filter(({ ExitCode }) => ExitCode !== 0)
  assert.deepEqual(bad, [], "did not exit with 0")
  await compose("down")
  assert.deepEqual(await leftovers(), { containers: 0, volumes: 3, networks: 0 })
  await compose("up", "--detach", "--wait")
  return `exit codes 0, volumes kept; ${seen}; ${await nothingIsLost(stack, writes)}`
}

export const suite: Step = async ({ compose }) => {
  const output = await compose("run", "--rm", "--build", "test")
  const lines = output.split("\n").map((line) => line.trim())
  return lines.find((line) => /Tests .*passed/.test(line)) ?? "passed"
}

export const SINGLE: Steps = [
  ["docker compose up -d --wait", up(SERVICES, JOBS)],
  ["confinement", checkConfinement],
  ["write and read", roundTrip],
  ["users and roles", checkUsers],
  ["operators' calls", checkOperators],
  ["health", health],
  ["docker compose kill -s SIGKILL worker", killedWorker],
  ["docker compose restart postgres", restartedPostgres],
  ["docker compose kill -s SIGKILL redis", killedRedis],
  ["docker compose up -d --scale worker=4 --scale ingest=2", scale],
  ["docker compose down, and up again", stop],
  ["docker compose run --rm test", suite],
  ["docker compose down -v", down],
]
