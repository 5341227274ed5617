/**
 * One of the four processes as a child: on Node, or the same files on Deno with the permissions it needs
 * and no more. Whatever else serves at a port, such as a contender of the benchmark, starts here too.
 */
import process from "node:process"
import { fileURLToPath } from "node:url"
import { type ServiceName, VARIABLES } from "../../shared/config.ts"
import { freePort } from "./port.ts"
import { type Child, launch } from "./process.ts"

export type { ServiceName }
export type Runtime = "node" | "deno"

const READY_LIMIT_MILLIS = 30_000

/** Above the ten seconds in which every process must end. */
const STOP_LIMIT_MILLIS = 12_000

export interface Service extends Omit<Child, "stop"> {
  readonly port: number
  readonly url: string
  /** SIGTERM; resolves when the process is gone. Once `hurried` aborts, SIGKILL follows after a second. */
  stop(hurried?: AbortSignal): Promise<void>
}

export interface ServiceOptions {
  readonly runtime?: Runtime
  /** Left out or 0: a free one. */
  readonly port?: number
  /** Configuration; added to this process's environment. */
  readonly env?: Readonly<NodeJS.ProcessEnv>
  readonly onLine?: ((line: string) => void) | undefined
  /** The folder of another build of the project. */
  readonly build?: string
}

/** What is no service of ours, and serves as one does. */
export interface Program {
  readonly name: string
  /** From the folder of the project, in which it runs. */
  readonly file: string
  /** What Deno lets it do. */
  readonly permissions: ReadonlyArray<string>
}

const root = fileURLToPath(new URL("../..", import.meta.url))

/** `--ignore-env`: drivers ask for many variables of their own; they see none of them. */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-net",
  `--allow-env=${Object.keys(VARIABLES).join(",")}`,
  "--ignore-env",
]

/** The files of the page, and of the charts on it. */
const STATS_READS = "--allow-read=services/stats/page,node_modules/uplot"

const programOf = (name: ServiceName): Program => ({
  name,
  file: `services/${name}/main.ts`,
  permissions: name === "stats" ? [...PERMISSIONS, STATS_READS] : PERMISSIONS,
})

/** Command and parameters, to be run in the folder of the project with the port as PORT too. */
export const serviceCommand = (
  service: ServiceName | Program,
  runtime: Runtime,
  port: number,
): [string, string[]] => {
  const { name, file, permissions } = typeof service === "string" ? programOf(service) : service
  if (runtime === "node") return [process.execPath, [file]]
  const how = name === "worker" ? ["run"] : ["serve", "--port", String(port)]
  return ["deno", [...how, ...permissions, file]]
}

/** Resolves when the process runs; whether it serves yet is for the caller to find out. 0 is a port as well. */
export const launchService = async (
  service: ServiceName | Program,
  port: number,
  { runtime = "node", env, onLine, build = root }: ServiceOptions,
): Promise<Service> => {
  const child = await launch(...serviceCommand(service, runtime, port), {
    name: typeof service === "string" ? service : service.name,
    cwd: build,
    env: { ...process.env, ...env, PORT: String(port) },
    onLine,
  })
  const stop = (hurried?: AbortSignal) => child.stop(STOP_LIMIT_MILLIS, hurried)
  return { ...child, port, url: `http://127.0.0.1:${port}`, stop }
}

/**
 * Resolves when the process serves; a worker, when it has started.
 * @throws with the last lines of a process that does not start.
 */
export const startService = async (
  service: ServiceName | Program,
  options: ServiceOptions = {},
): Promise<Service> => {
  const port = options.port || (await freePort())
  const env = { ...options.env, NO_COLOR: "1" }
  const started = await launchService(service, port, { ...options, env })
  await started.printed(/worker started|listening|Listening/, READY_LIMIT_MILLIS)
  return started
}
