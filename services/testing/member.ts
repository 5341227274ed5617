/**
 * One of the processes of a stack: started and killed any number of times on one port, and with every line it
 * ever printed.
 */
import { type Exit, within } from "../../scripts/servers/process.ts"
import {
  type Runtime,
  type Service,
  type ServiceName,
  startService,
} from "../../scripts/servers/service.ts"

/** Above the ten seconds in which every process must end. */
const EXIT_LIMIT_MILLIS = 12_000

/** Enough for a stack. */
const LAST_LINES = 20

export type Member = Awaited<ReturnType<typeof startMember>>

export interface MemberOptions {
  readonly name: ServiceName
  readonly runtime?: Runtime | undefined
  readonly env: Readonly<Record<string, string>>
  readonly onLine?: ((line: string) => void) | undefined
  /** The folder of another build of the project. */
  readonly build?: string
}

export const startMember = async ({ name, runtime, env, onLine, build }: MemberOptions) => {
  const lines: string[] = []
  /** Ends that nobody asked for, with the last words. */
  const deaths: string[] = []
  let alive = false
  const launch = async (port?: number): Promise<Service> => {
    const started = await startService(name, {
      env,
      onLine: (line) => {
        lines.push(line)
        onLine?.(line)
      },
      ...(runtime && { runtime }),
      ...(build !== undefined && { build }),
      ...(port !== undefined && { port }),
    })
    alive = true
    void started.exited.then(({ code, signal }) => {
      if (alive)
        deaths.push(
          `${name} ended by itself (${code ?? signal}):\n${lines.slice(-LAST_LINES).join("\n")}`,
        )
      alive = false
    })
    return started
  }
  let service = await launch()
  return {
    name,
    url: service.url,
    port: service.port,
    lines,
    deaths,
    pid: () => service.pid,
    /** How many of its lines match. */
    said: (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length,
    /** SIGSTOP and SIGCONT; it goes on living. */
    signal: (signal: "SIGSTOP" | "SIGCONT") => service.kill(signal),
    /** Sends the signal and waits until it is gone. */
    end: async (signal: "SIGKILL" | "SIGTERM"): Promise<Exit> => {
      alive = false
      service.kill(signal)
      service.kill("SIGCONT")
      if (!(await within(service.exited, EXIT_LIMIT_MILLIS)))
        throw new Error(`${name} does not end`)
      return await service.exited
    },
    /** Starts it on its port if it does not run; lets it go on if it does. */
    start: async () => {
      service.kill("SIGCONT")
      if (alive) return
      service = await launch(service.port)
    },
    stop: async () => {
      alive = false
      service.kill("SIGCONT")
      await service.stop()
    },
  }
}
