/**
 * One of the four processes in a fault test: started and killed any number of times on one port, behind
 * proxies of its own, and with every line it ever printed.
 */
import type { TestProxy } from "../../shared/proxy.suite.ts"
import { type Exit, within } from "../process.ts"
import { type Runtime, type Service, type ServiceName, startService } from "../service.ts"

/** Above the ten seconds in which every process must end. */
const EXIT_LIMIT_MILLIS = 12_000

export type Member = Awaited<ReturnType<typeof startMember>>

export interface MemberOptions {
  readonly name: ServiceName
  readonly runtime?: Runtime
  readonly env: Readonly<Record<string, string>>
  readonly redis: TestProxy
  readonly postgres: TestProxy
}

export const startMember = async ({ name, runtime, env, redis, postgres }: MemberOptions) => {
  const lines: string[] = []
  const launch = (port?: number): Promise<Service> =>
    startService(name, {
      env,
      onLine: (line) => void lines.push(line),
      ...(runtime && { runtime }),
      ...(port !== undefined && { port }),
    })
  let service = await launch()
  let alive = true
  return {
    name,
    url: service.url,
    port: service.port,
    redis,
    postgres,
    lines,
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
    isAlive: () => alive,
    /** Starts it on its port if it does not run; lets it go on if it does. */
    start: async () => {
      service.kill("SIGCONT")
      if (alive) return
      service = await launch(service.port)
      alive = true
    },
    stop: async () => {
      service.kill("SIGCONT")
      await service.stop()
      redis.stop()
      postgres.stop()
    },
  }
}
