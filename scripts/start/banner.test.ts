import { expect, test } from "vitest"
import { banner } from "./banner.ts"
import { makeStack } from "./stack.ts"

const HEALTH = { status: "healthy", durability: "aof-always" }

const printed = (hasMetrics: boolean, health = {}, isOpen = false) => {
  const urls = { ingest: "http://i:8006", reader: "http://r", stats: "http://s:8008" }
  return banner({ ...makeStack(), urls, hasMetrics, isOpen }, { ...HEALTH, ...health })
}

test("the banner says what does not go: what is held or paused, and metrics without a port", () => {
  expect(printed(true)).not.toMatch(/Nothing is written|metrics/)
  expect(printed(false)).toContain(
    "\nThe worker has no port for its metrics: set WORKER_PORT to a free one.\n",
  )
  const stopped = printed(true, { held: ["why"], paused: true })
  expect(stopped).toContain("\nNothing is written: why.\n")
  expect(stopped).toContain("\nNothing is written: paused by an operator.\n")
})

test("the banner says who may write when there is no token", () => {
  const line = "\nWhoever reaches port 8006 may write: there is no WRITE_TOKEN.\n"
  expect(printed(true, {}, true)).toContain(line)
  expect(printed(true)).not.toContain("Whoever")
})
