import { execFile } from "node:child_process"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, test } from "vitest"
import { freePort } from "./port.ts"

/** Far fewer than there are blocks, and more than two that choose at random ever shared by luck. */
const PROCESSES = 4
const PORTS = 90

const path = fileURLToPath(new URL("port.ts", import.meta.url))

/** A process that asks for so many ports, and keeps its block until all others have asked. */
const SCRIPT = `
  const { freePort } = await import(${JSON.stringify(path)})
  for (let left = ${PORTS}; left > 0; left--) console.log(await freePort())
  await new Promise((resume) => setTimeout(resume, 500))`

test("processes that ask at the same time are never given the same port", async () => {
  const asked = Array.from({ length: PROCESSES }, () =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", SCRIPT]),
  )
  const ports = (await Promise.all(asked)).flatMap(({ stdout }) => stdout.trim().split("\n"))
  expect(ports).toHaveLength(PROCESSES * PORTS)
  expect(new Set(ports).size).toBe(ports.length)
})

test("a port is not given again while others are left", async () => {
  const ports: number[] = []
  for (let left = PORTS; left > 0; left--) ports.push(await freePort())
  expect(new Set(ports).size).toBe(PORTS)
})
