/** Where a run was made: its figures mean little without. */
import { execFileSync } from "node:child_process"
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs"
import { cpus, totalmem, type } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { median } from "./statistics.ts"

const SYNCS = 100
const SYNC_BYTES = 4_096

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  /** 4 KiB written and on disk where the stores are, median in ms: what every durable commit waits for. */
  readonly syncMillis: number
}

const measureSync = (directory: string): number => {
  const file = join(directory, "sync")
  const handle = openSync(file, "w")
  const block = new Uint8Array(SYNC_BYTES)
  const times = Array.from({ length: SYNCS }, () => {
    const begin = performance.now()
    writeSync(handle, block)
    fdatasyncSync(handle)
    return performance.now() - begin
  })
  closeSync(handle)
  rmSync(file)
  return median(times) ?? 0
}

export const describeMachine = (directory: string): Machine => ({
  processor: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  memoryBytes: totalmem(),
  system: `${type()} ${process.arch}`,
  syncMillis: Number(measureSync(directory).toFixed(2)),
})

/** The commit this checkout is at, with "-dirty" when files differ from it; "unknown" without git. */
export const commit = (): string => {
  const git = (...parameters: string[]) =>
    execFileSync("git", parameters, {
      cwd: new URL(".", import.meta.url),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim()
  try {
    const isDirty = git("status", "--porcelain", "--untracked-files=no") !== ""
    return git("rev-parse", "--short=7", "HEAD") + (isDirty ? "-dirty" : "")
  } catch {
    return "unknown"
  }
}
