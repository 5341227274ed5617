/**
 * A store as a test has it: a server of its own, which can be killed, frozen and started again on its port
 * with the data it had; or a part of a server that all test files share (a database of PostgreSQL with the
 * table, a number of Redis), to which nobody may do so.
 */
import { inject } from "vitest"
import { temporaryDirectory } from "../../scripts/servers/directory.ts"
import type { Store } from "../../scripts/servers/store.ts"
import type { Kind } from "./servers.ts"

export interface Ownership {
  /** Whether it is a server that only the caller uses. */
  readonly own?: boolean
}

export interface Opened {
  readonly url: string
  readonly port: number
  /** Where a server of one's own has its data. */
  readonly directory: () => string
  readonly pid: () => number
  readonly kill: (signal: NodeJS.Signals) => void
  /** Sends the signal and waits until it is gone. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>
  /** Starts it if it does not run. */
  readonly start: () => Promise<void>
  readonly close: () => Promise<void>
}

export const openOwn = async (
  launch: (directory: string, port: number) => Promise<Store>,
): Promise<Opened> => {
  const directory = await temporaryDirectory()
  let store = await launch(directory.path, 0)
  let isAlive = true
  return {
    url: store.url,
    port: store.port,
    directory: () => directory.path,
    pid: () => store.pid,
    kill: (signal) => store.kill(signal),
    end: async (signal) => {
      isAlive = false
      store.kill(signal)
      // A process that is frozen takes no other signal.
      store.kill("SIGCONT")
      await store.exited
    },
    start: async () => {
      if (isAlive) return
      store = await launch(directory.path, store.port)
      isAlive = true
    },
    close: async () => {
      await store.stop()
      await directory.remove()
    },
  }
}

const refuse = (): never => {
  throw new Error("others use this server as well: ask for one with { own: true }")
}

const call = async (kind: Kind, method: string, body?: string): Promise<string> => {
  const response = await fetch(`${inject("servers")}/${kind}`, { method, ...(body && { body }) })
  const answer = await response.text()
  if (!response.ok) throw new Error(`${kind}: ${answer}`)
  return answer
}

/** @throws from all that a server alone can have or suffer. */
export const borrow = async (kind: Kind): Promise<Opened> => {
  const url = await call(kind, "POST")
  return {
    ...{ url, port: Number(new URL(url).port) },
    ...{ directory: refuse, pid: refuse, kill: refuse, end: refuse, start: refuse },
    close: async () => void (await call(kind, "DELETE", url)),
  }
}
