/**
 * The stack under test, run through the Docker CLI as an operator would: a project and ports of its own,
 * so that a stack that runs on this machine is left alone, and nobody's .env.
 */
import { execFile } from "node:child_process"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { freePort } from "../servers/port.ts"

const PROJECT = "write-buffer-check"
const ROOT = fileURLToPath(new URL("../../", import.meta.url))

/** The test suite inside takes minutes, and so does the first build. */
const COMMAND_LIMIT_MILLIS = 1_800_000
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024

const PORTS = ["INGEST_PORT", "READER_PORT", "STATS_PORT", "POSTGRES_PORT", "REDIS_PORT"] as const

export interface Container {
  readonly Name: string
  readonly Service: string
  readonly State: string
  readonly Health: string
  readonly ExitCode: number
}

export type Stack = Awaited<ReturnType<typeof openStack>>

const run = promisify(execFile)

/** Why there is nothing to test with, or null. */
export const missingEngine = async (): Promise<string | null> => {
  for (const command of [["compose", "version"], ["info"]]) {
    const failed = await run("docker", command).then(
      () => null,
      ({ code, stderr }) =>
        code === "ENOENT" ? "no docker on the PATH" : String(stderr).trim().split("\n")[0],
    )
    if (failed) return failed
  }
  return null
}

/** `overlays` change what compose.yaml says. */
export const openStack = async (...overlays: ReadonlyArray<string>) => {
  const ports = new Set<number>()
  while (ports.size < PORTS.length) ports.add(await freePort())
  const [ingest, reader, stats, postgres, redis] = [...ports]
  const env = {
    ...process.env,
    ...Object.fromEntries(PORTS.map((name, index) => [name, String([...ports][index])])),
  }

  /** @returns what it printed. @throws with its last lines when it does not exit with 0. */
  const docker = async (...command: string[]): Promise<string> => {
    const limits = { maxBuffer: OUTPUT_MAX_BYTES, timeout: COMMAND_LIMIT_MILLIS }
    const done = run("docker", command, { cwd: ROOT, env, ...limits })
    return await done.then(
      ({ stdout }) => stdout.trim(),
      ({ stdout = "", stderr = "" }) => {
        const last = `${stdout}\n${stderr}`.trim().split("\n").slice(-25).join("\n")
        throw new Error(`docker ${command.join(" ")}\n${last}`)
      },
    )
  }
  const files = ["compose.yaml", ...overlays].flatMap((file) => ["--file", file])
  const compose = (...command: string[]) =>
    docker("compose", ...files, "--env-file", "/dev/null", "--project-name", PROJECT, ...command)

  return {
    docker,
    compose,
    url: {
      ingest: `http://127.0.0.1:${ingest}`,
      reader: `http://127.0.0.1:${reader}`,
      stats: `http://127.0.0.1:${stats}`,
    },
    /** The URL in a file of a container, with the host and port that lead there from outside. */
    outside: async (service: string, file: "database-url" | "redis-url") =>
      (await compose("exec", "-T", service, "cat", `/run/secrets/${file}`))
        .replace("postgres:5432", `127.0.0.1:${postgres}`)
        .replace("redis:6379", `127.0.0.1:${redis}`),
    containers: async (): Promise<ReadonlyArray<Container>> =>
      (await compose("ps", "--all", "--format", "json"))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line)),
    /** How many containers, volumes and networks of the stack are left. */
    leftovers: async () => {
      const label = `label=com.docker.compose.project=${PROJECT}`
      const [containers = "", volumes = "", networks = ""] = await Promise.all([
        docker("ps", "-aq", "--filter", label),
        docker("volume", "ls", "-q", "--filter", label),
        docker("network", "ls", "-q", "--filter", label),
      ])
      const count = (text: string) => text.split("\n").filter((line) => line !== "").length
      return {
        containers: count(containers),
        volumes: count(volumes),
        networks: count(networks),
      }
    },
    remove: async () => {
      await compose("--profile", "test", "down", "--volumes", "--remove-orphans", "--timeout", "2")
      for (const image of [PROJECT, `${PROJECT}-test`]) {
        await docker("image", "rm", "--no-prune", image).catch(() => {})
      }
    },
  }
}
