/**
 * A part of a server that all test files share: a database of PostgreSQL with the table, or a number of
 * Redis. Nobody may kill, freeze, stop or reconfigure such a server: whoever does has one of their own.
 */
import { inject } from "vitest"
import type { Store } from "../../scripts/servers/store.ts"
import type { Kind } from "./servers.ts"

export interface Ownership {
  /** Whether it is a server that only the caller uses. */
  readonly own?: boolean
}

/** A store that a test has for itself, whole or in part. */
export interface Opened {
  readonly store: () => Store
  /** Starts a server of its own again, on its port and with its data. */
  readonly restart: () => Promise<void>
  readonly close: () => Promise<void>
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

export const borrow = async (kind: Kind): Promise<Opened> => {
  const url = await call(kind, "POST")
  const store: Store = {
    url,
    port: Number(new URL(url).port),
    description: "a server for all tests",
    durable: kind === "native",
    output: () => "",
    kill: refuse,
    stop: refuse,
    get pid() {
      return refuse()
    },
    get exited() {
      return refuse()
    },
  }
  return {
    store: () => store,
    restart: async () => refuse(),
    close: async () => void (await call(kind, "DELETE", url)),
  }
}
