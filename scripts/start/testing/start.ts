/** `npm start` and `npm run stores` as children of a test, which stops what is left of them. */
import { execFile } from "node:child_process"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { onTestFinished } from "vitest"
import { freePort } from "../../servers/port.ts"
import { launch } from "../../servers/process.ts"

/** Above what a start on a busy machine takes. */
export const LIMIT_MILLIS = 40_000
export const START = fileURLToPath(new URL("../../start.ts", import.meta.url))

export const servicePorts = async () => ({
  INGEST_PORT: String(await freePort()),
  READER_PORT: String(await freePort()),
  STATS_PORT: String(await freePort()),
})
export const storePorts = async () => ({
  POSTGRES_PORT: String(await freePort()),
  REDIS_PORT: String(await freePort()),
})

/** The pids of a process's children, without the guards, which end a little after what they guard. */
export const childrenOf = async (parent: number): Promise<number[]> => {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,command="])
  const all = stdout.split("\n").map((line) => line.trim().split(/\s+/))
  return all
    .filter(([, of, program]) => of === String(parent) && program !== "sh")
    .map(([pid]) => Number(pid))
}

export interface RunOptions {
  readonly program?: string
  /** Where `.data` is, for one with stores of its own. */
  readonly cwd?: string
}

export const run = async (
  parameters: string[],
  env: Record<string, string>,
  { program = process.execPath, cwd }: RunOptions = {},
) => {
  const lines: string[] = []
  const child = await launch(program, parameters, {
    name: "start",
    cwd,
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      BATCH_TIMEOUT: "0.05",
      WORKER_POLL_INTERVAL: "0",
      ...env,
    },
    onLine: (line) => lines.push(line),
  })
  onTestFinished(() => child.stop(LIMIT_MILLIS))
  const pids = () => childrenOf(child.pid)
  /** Waits for the banner; resolves to the pids of the children. */
  const up = async (): Promise<number[]> => {
    await child.printed(/^Try:$/, LIMIT_MILLIS)
    return await pids()
  }
  return { ...child, pids, up, text: () => lines.join("\n") }
}
