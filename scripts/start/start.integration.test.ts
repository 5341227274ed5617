import { writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import process from "node:process"
import { beforeAll, expect, onTestFinished, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { useRedis } from "../../services/testing/redis.ts"
import { localDatabaseUrl } from "../../shared/config.ts"
import { openDatabase } from "../../shared/postgres/postgres.ts"
import { TABLE } from "../../shared/testing/table.ts"
import { temporaryDirectory } from "../servers/directory.ts"
import { commandLine } from "../servers/leftover.ts"
import { freePort, isFree } from "../servers/port.ts"
import { nativeRedis } from "../servers/redis.ts"
import { LIMIT_MILLIS, run, START, servicePorts, storePorts } from "./testing/start.ts"

const kind = nativeRedis() === null ? "wasm" : "native"
const redis = useRedis(kind)
const database = usePostgres()
// Empty: the table is made by the first start that finds it.
beforeAll(() =>
  database().run((sql) => sql`drop schema public cascade`.then(() => sql`create schema public`)),
)

type Services = Awaited<ReturnType<typeof servicePorts>>
const named = () => ({ DATABASE_URL: database().url, REDIS_URL: redis().url })

/** `npm start` as users have it, on stores of ours. */
const start = (env: Record<string, string>, cwd?: string) => run([START], env, cwd ? { cwd } : {})

const write = async ({ INGEST_PORT }: Services, key: string) => {
  const response = await fetch(`http://127.0.0.1:${INGEST_PORT}/write`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key, value: "one" }),
  })
  expect(response.status).toBe(202)
}
const read = async ({ READER_PORT }: Services, key: string) =>
  (await fetch(`http://127.0.0.1:${READER_PORT}/read/${key}`)).status

const expectGone = async (pids: ReadonlyArray<number>, used: ReadonlyArray<string | number>) => {
  const commands = async () => (await Promise.all(pids.map(commandLine))).join("")
  await expect.poll(commands, { timeout: LIMIT_MILLIS }).toBe("")
  for (const port of used) expect(await isFree(Number(port))).toBe(true)
}

test("it starts on the stores that it is given, and Ctrl-C writes what is queued", async () => {
  const env = { ...(await servicePorts()), ...named() }
  const started = await start(env)
  const children = await started.up()
  expect(children.length).toBeGreaterThan(3)
  expect(started.text()).toContain(`PostgreSQL at 127.0.0.1:${database().port} (DATABASE_URL)`)
  expect(started.text()).not.toContain(":postgres@")
  await Promise.all(Array.from({ length: 100 }, (_, i) => write(env, `drained-${i}`)))
  started.kill("SIGINT")
  expect((await started.exited).code).toBe(0)
  await expectGone(children, [env.INGEST_PORT, env.READER_PORT, env.STATS_PORT])

  const rows = await database().sql<{ count: number }>(
    `select count(*)::int from ${TABLE} where key like 'drained-%'`,
  )
  expect(rows[0]?.count).toBe(100)
})

test("embedded stores keep the data over kill -9 of the start, which leaves nothing running", async () => {
  const own = await temporaryDirectory()
  onTestFinished(own.remove)
  const env = { ...(await servicePorts()), ...(await storePorts()) }
  const first = await start(env, own.path)
  const children = await first.up()
  await write(env, "kept")
  await expect.poll(() => read(env, "kept"), { timeout: LIMIT_MILLIS }).toBe(200)

  const other = await start({ ...(await servicePorts()), ...(await storePorts()) }, own.path)
  expect((await other.exited).code).toBe(1)
  expect(other.text()).toBe(
    `Already running here, as process ${first.pid}: stop that first (kill ${first.pid})`,
  )
  first.kill("SIGKILL")
  await first.exited
  await expectGone(children, Object.values(env))

  const second = await start(env, own.path)
  await second.up()
  expect(await read(env, "kept")).toBe(200)

  // Nobody can write to a locked table, so this write waits, and so would a Ctrl-C.
  const options = { name: "test", maxConnections: 1, deadlineMillis: 60_000 }
  const opened = openDatabase(localDatabaseUrl(Number(env.POSTGRES_PORT)), options)
  const { promise: over, resolve: release } = Promise.withResolvers<void>()
  const { promise: locked, resolve: isLocked } = Promise.withResolvers<void>()
  const lock = opened.run((sql) =>
    sql.begin(async (transaction) => {
      await transaction.unsafe(`lock table ${TABLE}`)
      isLocked()
      await over
    }),
  )
  await locked
  await write(env, "waiting")
  second.kill("SIGINT")
  await second.printed(/^Writes left: 1\./, LIMIT_MILLIS)
  second.kill("SIGINT")
  await second.printed(/^Stopping reader and stats/, LIMIT_MILLIS)
  release()
  await lock.catch(() => {})
  await opened.close()
  expect((await second.exited).code).toBe(0)
  expect(second.text()).toMatch(
    kind === "native" ? /PostgreSQL \(1\) stay in the queue/ : /PostgreSQL \(1\) are lost/,
  )
})

test("a process that dies ends the others, and its last lines are shown", async () => {
  const env = { ...(await servicePorts()), ...named() }
  const started = await start(env)
  const children = await started.up()
  const commands = await Promise.all(children.map(commandLine))
  const reader = children[commands.findIndex((command) => command.includes("services/reader"))]
  process.kill(reader as number, "SIGKILL")
  expect((await started.exited).code).toBe(1)
  expect(started.text()).toMatch(/^reader ended by SIGKILL\. Its last lines:\n.*listening/m)
  await expectGone(children, [env.INGEST_PORT, env.READER_PORT, env.STATS_PORT])
})

test("Ctrl-C while it starts ends it with 0 and leaves nothing", async () => {
  const own = await temporaryDirectory()
  onTestFinished(own.remove)
  const env = { ...(await servicePorts()), ...(await storePorts()) }
  const started = await start(env, own.path)
  await started.printed(/^Starting PostgreSQL/, LIMIT_MILLIS)
  started.kill("SIGINT")
  expect((await started.exited).code).toBe(0)
  expect(await isFree(Number(env.POSTGRES_PORT))).toBe(true)
})

test("the death of npm, whose shell passes no signal on, ends it too", async () => {
  const env = { ...(await servicePorts()), ...named(), npm_lifecycle_event: "start" }
  // The second command keeps the shell from becoming the first.
  const script = '"$0" "$1"; true'
  const shell = await run(["-c", script, process.execPath, START], env, { program: "sh" })
  await shell.printed(/^Looking for PostgreSQL/, LIMIT_MILLIS)
  const started = await shell.pids()
  expect(started).toHaveLength(1)
  shell.kill("SIGKILL")
  await expectGone(started, [env.INGEST_PORT, env.READER_PORT, env.STATS_PORT])
})

test("a port in use is one line that says what to change", async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const started = await start({ ...(await servicePorts()), ...named(), READER_PORT: String(port) })
  expect((await started.exited).code).toBe(1)
  expect(started.text()).toBe(
    `Port ${port} is in use. Stop what uses it, or choose another: READER_PORT=${port + 1_000} npm start`,
  )
})

test("two on one port are one line that names both variables, before anything starts", async () => {
  const ports = { ...(await servicePorts()), ...(await storePorts()) }
  const other = { INGEST_PORT: "READER_PORT", STATS_PORT: "REDIS_PORT" } as const
  for (const [name, same] of Object.entries(other)) {
    const started = await start({ ...ports, [name]: ports[same] })
    expect((await started.exited).code).toBe(1)
    expect(started.text()).toMatch(
      new RegExp(`^(${name} and ${same}|${same} and ${name}) are both ${ports[same]}: choose .*$`),
    )
  }
})

test("a store that does not answer is one line, without the credentials", async () => {
  const port = await freePort()
  const bad = [
    { DATABASE_URL: `postgres://someone:secret@127.0.0.1:${port}/x`, REDIS_URL: redis().url },
    { DATABASE_URL: database().url, REDIS_URL: `redis://:secret@127.0.0.1:${port}` },
  ]
  for (const [at, name] of ["DATABASE_URL: the PostgreSQL", "REDIS_URL: the Redis"].entries()) {
    const started = await start({ ...(await servicePorts()), ...bad[at] })
    expect((await started.exited).code).toBe(1)
    expect(started.text()).toMatch(
      `\n${name} at 127.0.0.1:${port} does not answer (ECONNREFUSED): start it`,
    )
    expect(started.text()).not.toContain("secret")
  }
})

test("a URL that is given is somebody's own store, also where ours would be", async () => {
  const ports = await storePorts()
  const env = { ...ports, DATABASE_URL: localDatabaseUrl(Number(ports.POSTGRES_PORT)) }
  const started = await start({ ...(await servicePorts()), ...env, REDIS_URL: redis().url })
  expect((await started.exited).code).toBe(1)
  expect(started.text()).toContain("DATABASE_URL: the PostgreSQL at 127.0.0.1")
})

test("a folder that cannot be written and a bad variable are one line each", async () => {
  const own = await temporaryDirectory()
  onTestFinished(own.remove)
  await writeFile(join(own.path, ".data"), "")
  const file = await start({ ...(await servicePorts()), ...(await storePorts()) }, own.path)
  expect((await file.exited).code).toBe(1)
  expect(file.text()).toMatch(/^Cannot write to \.data \(EEXIST\): give it to .*$/)
  const bad = await start({ BATCH_SIZE: "none" })
  expect((await bad.exited).code).toBe(1)
  expect(bad.text()).toMatch(/^BATCH_SIZE is "none"; allowed is .*$/)
})
