/**
 * What nobody foresaw: a process that is not in order ends; its writes are in Redis. The message of the
 * error may quote one, so the log says what kind of error it was and where.
 */
import process from "node:process"
import type { Log } from "./log.ts"

export const exitOnCrash = (log: Log) => {
  const crash = (error: unknown) => {
    const { name, stack } = error instanceof Error ? error : { name: typeof error, stack: "" }
    log("error", "crashed", { name, where: /\n +at (.*)/.exec(stack ?? "")?.[1] ?? "" })
    process.exit(1)
  }
  process.on("unhandledRejection", crash)
  process.on("uncaughtException", crash)
}
