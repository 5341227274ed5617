import { spawn } from "node:child_process"
import { once } from "node:events"
import process from "node:process"
import { expect, it } from "vitest"
import { readCpuSeconds } from "./meter.ts"

/** Until it has cost 0.3 s. */
const BUSY = "while (process.cpuUsage().user < 300_000);"

/** What a process costs with a child that worked before it ended, and one that worked and lives. */
const PARENT = `
  const { spawn, spawnSync } = require("node:child_process")
  spawnSync(process.execPath, ["-e", ${JSON.stringify(BUSY)}])
  const living = ${JSON.stringify(`${BUSY} console.log("done"); setInterval(() => {}, 1_000)`)}
  spawn(process.execPath, ["-e", living], { stdio: ["ignore", "inherit", "ignore"] })
  process.stdin.resume()`

it.runIf(process.platform === "linux")("counts children, those that ended as well", async () => {
  const parent = spawn(process.execPath, ["-e", PARENT], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  })
  try {
    await once(parent.stdout, "data")
    const { all, gone, none } = await readCpuSeconds({ all: parent.pid ?? 0, gone: 0, none: null })
    expect(all).toBeGreaterThan(0.59)
    expect([gone, none]).toEqual([null, null])
  } finally {
    process.kill(-(parent.pid ?? 0), "SIGKILL")
  }
})
