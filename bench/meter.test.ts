import { spawn } from "node:child_process"
import { once } from "node:events"
import process from "node:process"
import { expect, it, onTestFinished } from "vitest"
import { readCpuSeconds } from "./meter.ts"

/** Until it has cost a second. */
const BUSY = `
  const cost = ({ user, system }) => user + system
  while (cost(process.cpuUsage()) < 1_000_000);`

/** What a process costs with a child that worked before it ended, and one that worked and lives. */
const PARENT = `
  const { spawn, spawnSync } = require("node:child_process")
  spawnSync(process.execPath, ["-e", ${JSON.stringify(BUSY)}])
  const living = ${JSON.stringify(`${BUSY}
  console.log("done"); setInterval(() => {}, 1_000)`)}
  spawn(process.execPath, ["-e", living], { stdio: ["ignore", "inherit", "ignore"] })
  process.stdin.resume()`

const LIMIT_MILLIS = 60_000

it.runIf(process.platform === "linux")(
  "counts children, those that ended as well",
  async () => {
    const parent = spawn(process.execPath, ["-e", PARENT], {
      detached: true,
      stdio: ["pipe", "pipe", "ignore"],
    })
    onTestFinished(() => void process.kill(-(parent.pid ?? 0), "SIGKILL"))
    await once(parent.stdout, "data")
    const { all, gone, none } = await readCpuSeconds({ all: parent.pid ?? 0, gone: 0, none: null })
    expect(all).toBeGreaterThan(1.9)
    expect([gone, none]).toEqual([null, null])
  },
  LIMIT_MILLIS,
)
