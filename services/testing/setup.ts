/**
 * What vitest does before the first and after the last test that needs a server: it starts and stops
 * who lends them.
 */
import process from "node:process"
import type { TestProject } from "vitest/node"
import { temporaryDirectory } from "../../scripts/servers/directory.ts"
import { launch } from "../../scripts/servers/process.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** Where servers are lent. */
    readonly servers: string
  }
}

const READY_LIMIT_MILLIS = 30_000
const STOP_LIMIT_MILLIS = 60_000

export const setup = async ({ provide }: TestProject) => {
  const directory = await temporaryDirectory()
  // All files of all tests go there, and so does what their processes compile: a start takes two thirds
  // of the time.
  process.env.TMPDIR = directory.path
  process.env.NODE_COMPILE_CACHE = `${directory.path}/compiled`
  const lines: string[] = []
  const lender = await launch(process.execPath, ["services/testing/servers.ts", directory.path], {
    name: "servers",
    onLine: (line) => lines.push(line),
  })
  await lender.printed(/^lending at /, READY_LIMIT_MILLIS)
  provide("servers", lines.at(-1)?.replace("lending at ", "") ?? "")
  return () => lender.stop(STOP_LIMIT_MILLIS)
}
