import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, openSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { expect, onTestFinished, test } from "vitest"
import { freePort } from "../scripts/servers/port.ts"
import { type ServiceName, serviceCommand } from "../scripts/servers/service.ts"
import { usePostgres } from "../services/testing/postgres.ts"
import { REDIS_KINDS, useRedis } from "../services/testing/redis.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const LIMIT_MILLIS = 20_000

const postgres = usePostgres()
const redis = useRedis(REDIS_KINDS[0])

/** Where the log goes: to a reader that is gone before the first line, or onto a disk that is full. */
type Sink = () => "pipe" | number
const closedPipe: Sink = () => "pipe"
const fullDisk: Sink = () => (existsSync("/dev/full") ? openSync("/dev/full", "w") : "pipe")

const start = (sink: Sink, program: string, parameters: string[], port = 0) => {
  const to = sink()
  const child = spawn(program, parameters, {
    cwd: root,
    stdio: ["ignore", to, to],
    env: {
      ...process.env,
      ...{ DATABASE_URL: postgres().url, REDIS_URL: redis().url, PORT: String(port) },
      ...{ LOG_LEVEL: "debug", NO_COLOR: "1", WORKER_POLL_INTERVAL: "0" },
    },
  })
  child.stdout?.destroy()
  child.stderr?.destroy()
  onTestFinished(() => void child.kill("SIGKILL"))
  return child
}

const exit = async (child: ChildProcess) => {
  if (child.exitCode === null) await once(child, "exit")
  return child.exitCode
}

const migration = (runtime: "node" | "deno"): [string, string[]] =>
  runtime === "node"
    ? [process.execPath, ["scripts/migrate.ts"]]
    : ["deno", ["run", "--no-prompt", "--allow-all", "scripts/migrate.ts"]]

test.for(["node", "deno"] as const)(
  "on %s, without anybody who takes the log, a write gets to the table, and every end is clean",
  async (runtime) => {
    expect(await exit(start(fullDisk, ...migration(runtime)))).toBe(0)
    const launch = async (sink: Sink, name: ServiceName) => {
      const port = await freePort()
      const child = start(sink, ...serviceCommand(name, runtime, port), port)
      return { child, url: `http://127.0.0.1:${port}` }
    }
    const started = await Promise.all([
      launch(closedPipe, "ingest"),
      launch(fullDisk, "reader"),
      launch(closedPipe, "worker"),
      launch(fullDisk, "stats"),
    ])
    const [ingest, reader, , stats] = started
    const status = async (url: string, options?: RequestInit) =>
      await fetch(url, options).then(
        (response) => response.status,
        () => 0,
      )
    const write = () =>
      status(`${ingest.url}/write`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ key: runtime, value: "a" }),
      })
    const poll = { timeout: LIMIT_MILLIS, interval: 20 }
    await expect.poll(write, poll).toBe(202)
    await expect.poll(() => status(`${reader.url}/read/${runtime}`), poll).toBe(200)
    await expect.poll(() => status(`${stats.url}/stats`), poll).toBe(200)
    // Each has lines for that.
    for (const { child } of started) child.kill("SIGTERM")
    expect(await Promise.all(started.map(({ child }) => exit(child)))).toEqual([0, 0, 0, 0])
  },
)
