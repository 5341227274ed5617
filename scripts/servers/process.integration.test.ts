import { spawn } from "node:child_process"
import { once } from "node:events"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { runs } from "./leftover.ts"
import { launch } from "./process.ts"

const node = (script: string) => ["-e", script]

test("a child that does not stop is killed", async () => {
  const deaf = node(
    "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); console.log('up')",
  )
  const child = await launch(process.execPath, deaf, { name: "deaf" })
  await child.printed(/^up$/, 5_000)
  await child.stop(50)
  expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" })
  await child.stop(50)
})

test("a child that exits while it starts is reported with its last lines", async () => {
  const child = await launch(
    process.execPath,
    node("for (let i = 0; i < 50; i++) console.error('line', i); process.exit(3)"),
    { name: "loser" },
  )
  await expect(child.printed(/never/, 5_000)).rejects.toThrow(
    /^loser stopped while it started:\nline 38\n[\s\S]*line 49$/,
  )
  expect(await child.exited).toEqual({ code: 3, signal: null })
})

test("a child that is never ready is stopped", async () => {
  const child = await launch(process.execPath, node("setInterval(() => {}, 1e6)"), { name: "slow" })
  await expect(child.printed(/ready/, 50)).rejects.toThrow("slow was not ready after 0.05 s")
  await child.exited
})

test("a program that does not exist is an error", async () => {
  await expect(launch("/nowhere/program", [], { name: "nothing" })).rejects.toThrow("ENOENT")
})

test("a child does not outlive a parent that is killed", async () => {
  const module_ = fileURLToPath(new URL("process.ts", import.meta.url))
  const parent = spawn(
    process.execPath,
    node(`const { launch } = await import(${JSON.stringify(module_)})
      const child = await launch("sleep", ["1007"], { name: "sleeper" })
      console.log(child.pid)`),
    { stdio: ["ignore", "pipe", "inherit"] },
  )
  const [pid] = (await once(parent.stdout, "data")).map(Number) as [number]
  expect(await runs(pid, "sleep 1007")).toBe(true)
  parent.kill("SIGKILL")
  await expect.poll(() => runs(pid, "sleep 1007"), { timeout: 5_000 }).toBe(false)
})
