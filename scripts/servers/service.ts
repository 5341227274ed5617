/**
 * One of the four processes as a child: on Node, or the same files on Deno with the permissions it
 * needs and no more. Resolves when the process serves (or, for the worker, when it has started).
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
  /** SIGTERM; resolves when it is gone. */
  stop(): Promise<void>
}

export interface ServiceOptions {
  readonly runtime?: Runtime
  /** Left out or 0: a free one. */
  readonly port?: number
  /** Configuration; added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly onLine?: ((line: string) => void) | undefined
}

const root = fileURLToPath(new URL("../..", import.meta.url))

/** `--ignore-env`: drivers ask for many variables of their own; they see none of them. */
const DENO_PERMISSIONS = [
  "--no-prompt",
  "--allow-net",
  `--allow-env=${Object.keys(VARIABLES).join(",")}`,
  "--ignore-env",
]

/** The files of the page, and of the charts on it. */
const DENO_READS = "--allow-read=services/stats/page,node_modules/uplot"

/** Program and parameters, to be run in the folder of the project with the port as PORT too. */
export const serviceCommand = (
  name: ServiceName,
  runtime: Runtime,
  port: number,
): [string, string[]] => {
  const file = `services/${name}/main.ts`
  if (runtime === "node") return [process.execPath, [file]]
  const how = name === "worker" ? ["run"] : ["serve", "--port", String(port)]
  const reads = name === "stats" ? [DENO_READS] : []
  return ["deno", [...how, ...DENO_PERMISSIONS, ...reads, file]]
}

/** @throws with its last lines when it does not start. */
export const startService = async (
  name: ServiceName,
  { runtime = "node", env = {}, onLine, ...options }: ServiceOptions = {},
): Promise<Service> => {
  const port = options.port || (await freePort())
  const [program, parameters] = serviceCommand(name, runtime, port)
  const child = await launch(program, parameters, {
    name,
    cwd: root,
    env: { ...process.env, ...env, PORT: String(port), NO_COLOR: "1" },
    onLine,
  })
  await child.printed(/worker started|listening|Listening/, READY_LIMIT_MILLIS)
  return {
    ...child,
    port,
    url: `http://127.0.0.1:${port}`,
    stop: () => child.stop(STOP_LIMIT_MILLIS),
  }
}
