/** A store that this project has started, as its starter sees it: `npm start`, a test or the benchmark. */
import { relative } from "node:path"
import process from "node:process"
import type { Child } from "./process.ts"

/** A start may replay a long log first: Redis reads an AOF at some 100 MB/s, PostgreSQL its WAL. */
export const READY_LIMIT_MILLIS = 120_000

export interface Store extends Pick<Child, "pid" | "exited" | "kill" | "output"> {
  readonly url: string
  readonly port: number
  /** For people, such as "PostgreSQL 18 (embedded), .data/postgres". */
  readonly description: string
  /** Whether what the store has confirmed survives its kill -9. */
  readonly durable: boolean
  /**
   * A clean stop; resolves when the store is gone, also when it already was. Once `hurried` aborts, the store
   * is killed after a second: what it has confirmed is on disk all the same.
   */
  stop(hurried?: AbortSignal): Promise<void>
}

export interface StoreOptions {
  /** Where the store keeps its data, which the next start finds again. Made when missing. */
  readonly directory: string
  /** Left out or 0: a free one. */
  readonly port?: number
  /** Added to the environment of the server. */
  readonly env?: Readonly<Record<string, string>>
  /** Server settings over the defaults, such as `{ fsync: "off" }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Every line the server prints. */
  readonly onLine?: ((line: string) => void) | undefined
}

/** A directory as the banner and the errors show it: as a path from the working folder, when it is in there. */
export const shown = (directory: string): string => {
  const path = relative(process.cwd(), directory)
  return path.startsWith("..") ? directory : path
}
