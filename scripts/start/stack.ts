/** What `npm start` has running: `startup.ts` fills it, `shutdown.ts` empties it. */
import type { ServiceName } from "../../shared/config.ts"
import type { Child, Exit } from "../servers/process.ts"
import type { Service } from "../servers/service.ts"
import type { Used } from "./stores.ts"
import { sayFrom } from "./terminal.ts"

export interface Stack {
  readonly services: Partial<Record<ServiceName, Service>>
  readonly urls: Record<Exclude<ServiceName, "worker">, string>
  /** False: another process has the port of the worker's metrics, and the worker goes on without. */
  hasMetrics: boolean
  /** Whoever reaches ingest may write: there is no WRITE_TOKEN. */
  isOpen: boolean
  database?: Used
  redis?: Used
  /** Gives the data directory back. */
  release?: () => Promise<void>
  /** Lines of the stores are shown only then: those of a start and a stop are the same every time. */
  isUp: boolean
  /** Hears each line that a store prints. */
  readonly onStoreLine: (name: string) => (line: string) => void
  /** Children that were asked to end. */
  readonly leaving: Set<string>
  /** Of a child that ended unasked: its name, how it ended, and its last lines. */
  fallen: string | null
  /** Aborts when a child has fallen. */
  readonly fall: AbortController
  /** Notes the child as fallen when it ends without being asked to. */
  watch(child: Pick<Child, "exited" | "output">, name: string): void
}

const how = ({ code, signal }: Exit): string =>
  signal === null ? `with exit code ${code}` : `by ${signal}`

export const makeStack = (): Stack => {
  const stack: Stack = {
    services: {},
    urls: { ingest: "", reader: "", stats: "" },
    hasMetrics: true,
    isOpen: false,
    isUp: false,
    onStoreLine: (name) => (line) => {
      if (stack.isUp) sayFrom(name)(line)
    },
    leaving: new Set(),
    fallen: null,
    fall: new AbortController(),
    watch: (child, name) => {
      child.exited.then((exit) => {
        if (stack.leaving.has(name)) return
        stack.fallen ??= `${name} ended ${how(exit)}. Its last lines:\n${child.output()}`
        stack.fall.abort()
      })
    },
  }
  return stack
}
