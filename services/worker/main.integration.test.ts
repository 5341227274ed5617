import process from "node:process"
import { expect, test, vi } from "vitest"
import { launch } from "../../scripts/servers/process.ts"

/** Where nothing listens; a worker starts all the same. */
const NOWHERE = { REDIS_URL: "redis://127.0.0.1:1", DATABASE_URL: "postgres://127.0.0.1:1/none" }

test("a worker that is not in order exits with 1, and says where but not what", async () => {
  // In base64, because the log names the place, and this one is its own text.
  const failure = btoa("setTimeout(() => Promise.reject(new TypeError('canary')), 500)")
  const worker = await launch(
    process.execPath,
    ["--import", `data:text/javascript;base64,${failure}`, "services/worker/main.ts"],
    { name: "worker", env: { ...process.env, ...NOWHERE } },
  )
  expect(await worker.exited).toEqual({ code: 1, signal: null })
  // A last line may still be in the pipe when the exit is known.
  await vi.waitFor(() => expect(worker.output()).toContain("crashed"))
  expect(worker.output()).toContain("TypeError")
  expect(worker.output()).not.toContain("canary")
})
