/**
 * `npm run test:compose`: brings the stack of compose.yaml up on the Docker engine of this machine, holds
 * it to what it promises, and takes it down again whatever happened. A line for each step; with no
 * engine one line, and 0. `-- --no-suite` leaves out the test suite inside, which takes minutes.
 */
import assert from "node:assert/strict"
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { missingEngine, openStack, type Stack } from "./engine.ts"
import { checkConfinement, checkOperators, checkUsers } from "./permissions.ts"
import { makeWrites, type Writes } from "./writes.ts"

const SERVICES = ["gateway", "ingest", "postgres", "reader", "redis", "stats", "worker"]
const JOBS = ["migrate", "roles", "secrets", "users"]

/** A lease of 10 s, the next heartbeat after it, and a batch. */
const DRAIN_LIMIT_MILLIS = 40_000
const POLL_MILLIS = 200

const BACKLOG_WRITES = 200

type Step = (stack: Stack, writes: Writes) => Promise<string>

const get = async (url: string) => {
  const response = await fetch(url)
  return { status: response.status, body: await response.json() }
}

/** Waits until a check passes. @throws what it last threw. */
const eventually = async (check: () => Promise<void>, limit = DRAIN_LIMIT_MILLIS) => {
  for (const deadline = Date.now() + limit; ; await sleep(POLL_MILLIS)) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
  }
}

const depth = async ({ compose }: Stack) =>
  Number(await compose("exec", "-T", "redis", "redis-cli", "LLEN", "write_queue"))

/** Waits until nothing waits, and finds every accepted write in the table. */
const nothingIsLost: Step = async ({ compose, url }, { accepted }) => {
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

const under = async (stack: Stack, writes: Writes, fault: () => Promise<unknown>) =>
  `${await writes.during(fault)}; ${await nothingIsLost(stack, writes)}`

const up: Step = async ({ compose, containers }) => {
  await compose("up", "--detach", "--build", "--wait")
  const all = await containers()
  const healthy = all.filter(({ Health }) => Health === "healthy").map(({ Service }) => Service)
  assert.deepEqual(healthy.toSorted(), SERVICES)
  const done = all.filter(({ State, ExitCode }) => State === "exited" && ExitCode === 0)
  assert.deepEqual(done.map(({ Service }) => Service).toSorted(), JOBS)
  return `${healthy.length} healthy, ${done.length} jobs done`
}

const roundTrip: Step = async (stack, writes) => {
  assert.deepEqual(new Set(await writes.many(50)), new Set([202]))
  const found = await nothingIsLost(stack, writes)
  const { status, body } = await get(`${stack.url.reader}/read/${encodeURIComponent("check:7")}`)
  assert.deepEqual([status, body.value], [200, "value 7"])
  assert.equal(await depth(stack), 0)
  return `${found}; redis-cli LLEN write_queue is 0`
}

const health: Step = async ({ compose, url }) => {
  const becomes = (status: number, expected: object) =>
    eventually(async () => {
      const found = await get(`${url.stats}/health`)
      assert.equal(found.status, status)
      assert.partialDeepStrictEqual(found.body, expected)
    })
  const well = { status: "healthy", worker_active: true, durability: "aof-always" }
  await becomes(200, well)
  await compose("stop", "worker")
  await becomes(200, { status: "degraded", worker_active: false })
  await compose("stop", "postgres")
  await becomes(503, { status: "unhealthy", redis: "up", postgres: "down" })
  await compose("start", "postgres")
  await compose("stop", "redis")
  await becomes(503, { status: "unhealthy", redis: "down", postgres: "up" })
  await compose("start", "redis", "worker")
  await becomes(200, well)
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

const suite: Step = async ({ compose }) => {
  const output = await compose("run", "--rm", "--build", "test")
  const lines = output.split("\n").map((line) => line.trim())
  return lines.find((line) => /Tests .*passed/.test(line)) ?? "passed"
}

const down: Step = async ({ compose, leftovers }) => {
  await compose("down", "--volumes")
  assert.deepEqual(await leftovers(), { containers: 0, volumes: 0, networks: 0 })
  return "no container, volume or network is left"
}

const STEPS: ReadonlyArray<readonly [string, Step]> = [
  ["docker compose up -d --wait", up],
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

const runSteps = async (stack: Stack, isLeftOut: (step: Step) => boolean) => {
  const writes = makeWrites(stack.url.ingest)
  for (const [name, step] of STEPS) {
    if (isLeftOut(step)) continue
    const begin = Date.now()
    try {
      const detail = (await step(stack, writes)).replaceAll(/\s+/g, " ")
      console.log(`ok   ${name} (${Math.round((Date.now() - begin) / 1_000)} s): ${detail}`)
    } catch (error) {
      console.log(`FAIL ${name}: ${(error as Error).message}`)
      console.log(await stack.compose("logs", "--no-color", "--tail", "15").catch(String))
      process.exitCode = 1
      return
    }
  }
}

const main = async () => {
  const missing = await missingEngine()
  if (missing !== null) return console.log(`skipped: no Docker engine with compose (${missing})`)
  const stack = await openStack()
  process.once("SIGINT", () => void stack.remove().finally(() => process.exit(130)))
  // A run that was killed has left its containers.
  await stack.remove()
  try {
    await runSteps(stack, (step) => step === suite && process.argv.includes("--no-suite"))
  } finally {
    await stack.remove()
  }
}

await main()
