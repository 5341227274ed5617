import { once } from "node:events"
import { createServer } from "node:net"
import process from "node:process"
import { Redis } from "ioredis"
import { expect, onTestFinished, test } from "vitest"
import { temporaryDirectory } from "../servers/directory.ts"
import { commandLine } from "../servers/leftover.ts"
import { isFree } from "../servers/port.ts"
import { childrenOf, LIMIT_MILLIS, run, START, servicePorts, storePorts } from "./testing/start.ts"

const root = new URL("../..", import.meta.url).pathname

test("the stores alone move with their ports, and single processes find them there", async () => {
  const own = await temporaryDirectory()
  onTestFinished(own.remove)
  const ports = await storePorts()
  const stores = await run([START, "--stores"], ports, { cwd: own.path })
  const children = await stores.up()
  expect(children).toHaveLength(2)
  const variables = `POSTGRES_PORT=${ports.POSTGRES_PORT} REDIS_PORT=${ports.REDIS_PORT}`
  expect(stores.text()).toContain(`\n  ${variables} npm run ingest`)

  const migrate = await run(["scripts/migrate.ts"], ports, { cwd: root })
  expect((await migrate.exited).code).toBe(0)
  const services = await servicePorts()
  const ingest = await run(
    ["services/ingest/main.ts"],
    { ...ports, PORT: services.INGEST_PORT },
    { cwd: root },
  )
  await ingest.printed(/listening/, LIMIT_MILLIS)
  const response = await fetch(`http://127.0.0.1:${services.INGEST_PORT}/write`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"key":"a","value":"b"}',
  })
  expect(response.status).toBe(202)
  const redis = new Redis(Number(ports.REDIS_PORT))
  expect(await redis.llen("write_queue").finally(() => redis.disconnect())).toBe(1)

  stores.kill("SIGINT")
  expect((await stores.exited).code).toBe(0)
  for (const port of Object.values(ports)) expect(await isFree(Number(port))).toBe(true)
})

test("a PostgreSQL that does not end is named, and a second Ctrl-C does not wait for it", async () => {
  const own = await temporaryDirectory()
  onTestFinished(own.remove)
  const ports = await storePorts()
  const stores = await run([START, "--stores"], ports, { cwd: own.path })
  const below = (await Promise.all((await stores.up()).map(childrenOf))).flat()
  expect(below.length).toBeGreaterThan(3)
  for (const pid of below) process.kill(pid, "SIGSTOP")
  stores.kill("SIGINT")
  await stores.printed(/^PostgreSQL has not ended yet\. It has up to 60 s;/, LIMIT_MILLIS)
  const begin = performance.now()
  stores.kill("SIGINT")
  expect((await stores.exited).code).toBe(0)
  expect(performance.now() - begin).toBeLessThan(10_000)
  expect((await Promise.all(below.map(commandLine))).join("")).toBe("")
})

test("a port of a store that is in use is one line with the variable that moves it", async () => {
  const own = await temporaryDirectory()
  onTestFinished(own.remove)
  const server = createServer().listen(0)
  await once(server, "listening")
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const stores = await run(
    [START, "--stores"],
    { ...(await storePorts()), REDIS_PORT: String(port) },
    { cwd: own.path },
  )
  expect((await stores.exited).code).toBe(1)
  expect(stores.text()).toMatch(new RegExp(`^Port ${port} is in use\\. .* set REDIS_PORT, .*$`))
})

test("two stores on one port are one line that names both variables", async () => {
  const own = await temporaryDirectory()
  onTestFinished(own.remove)
  const { REDIS_PORT } = await storePorts()
  const ports = { POSTGRES_PORT: REDIS_PORT, REDIS_PORT }
  const stores = await run([START, "--stores"], ports, { cwd: own.path })
  expect((await stores.exited).code).toBe(1)
  expect(stores.text()).toBe(
    `POSTGRES_PORT and REDIS_PORT are both ${REDIS_PORT}: choose another for one of them`,
  )
})
