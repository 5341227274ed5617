/** The README's example in TypeScript, as it is written there, by the compiler and through a stack. */
import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { REDIS_KINDS } from "../testing/redis.ts"
import { useStack } from "../testing/stack.ts"

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL("../../", import.meta.url))
const stack = useStack({ redis: REDIS_KINDS[0] })

/** Leads from the ports of `npm start` to those of the stack. */
const redirection = ({ ingest, reader }: { readonly ingest: string; readonly reader: string }) => `
const places = { "http://localhost:8006": "${ingest}", "http://localhost:8007": "${reader}" }
const { fetch } = globalThis
globalThis.fetch = (url, init) => fetch(url.replace(/^http:\\/\\/localhost:\\d+/, (at) => places[at]), init)
`

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "readme-"))
  const readme = await readFile(join(ROOT, "README.md"), "utf8")
  const [, example = "", rest = ""] = readme.split(/^```ts\n([\s\S]*?)^```$/m)
  expect(rest).not.toContain("```ts")
  await writeFile(join(folder, "example.ts"), example)
  await writeFile(join(folder, "package.json"), '{"type":"module"}')
  const config = { extends: join(ROOT, "tsconfig.json"), include: ["example.ts"] }
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config))
  for (const name of ["shared", "node_modules"]) await symlink(join(ROOT, name), join(folder, name))
})
afterAll(() => rm(folder, { recursive: true }))

test("the README's example runs and prints the row", async () => {
  await writeFile(join(folder, "redirect.js"), redirection(stack().urls))
  const node = [process.execPath, ["--import", "./redirect.js", "example.ts"]] as const
  const { stdout } = await run(...node, { cwd: folder })
  expect(stdout).toMatch(/key: 'user:123',\s+value: 'John Doe',\s+version: \d{16},/)
})

test("the README's example compiles", async () => {
  const tsc = join(ROOT, "node_modules/.bin/tsc")
  const { stdout } = await run(tsc, ["--noEmit", "-p", folder]).catch((error) => error)
  expect(stdout).toBe("")
})
