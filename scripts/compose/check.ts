/**
 * `npm run test:compose`: brings the stack of compose.yaml up on the Docker engine of this machine, holds
 * it to what it promises, and takes it down again whatever happened; then the same on a Redis Cluster. A line for
 * each step; with no engine one line, and 0. `-- --no-suite` leaves out the test suite inside, which takes
 * minutes, and `-- --single` or `-- --cluster` does one of the two.
 */
import process from "node:process"
import { CLUSTER } from "./cluster.ts"
import { missingEngine, openStack, type Stack } from "./engine.ts"
import { SINGLE, suite } from "./single.ts"
import type { Steps } from "./steps.ts"
import { makeWrites } from "./writes.ts"

const OVERLAY = "scripts/compose/cluster.yaml"

const isGiven = (option: string) => process.argv.includes(option)

const runSteps = async (stack: Stack, steps: Steps) => {
  const writes = makeWrites(stack.url.ingest)
  for (const [name, step] of steps) {
    if (step === suite && isGiven("--no-suite")) continue
    const begin = Date.now()
    try {
      const detail = (await step(stack, writes)).replaceAll(/\s+/g, " ")
      console.log(`ok   ${name} (${Math.round((Date.now() - begin) / 1_000)} s): ${detail}`)
    } catch (error) {
      console.log(`FAIL ${name}: ${(error as Error).message}`)
      console.log(await stack.compose("logs", "--no-color", "--tail", "15").catch(String))
      process.exitCode = 1
      return
    }
  }
}

const main = async () => {
  const missing = await missingEngine()
  if (missing !== null) return console.log(`skipped: no Docker engine with compose (${missing})`)
  const [single, cluster] = [await openStack(), await openStack(OVERLAY)]
  const remove = async () => {
    await single.remove()
    await cluster.remove()
  }
  process.once("SIGINT", () => void remove().finally(() => process.exit(130)))
  // A run that was killed has left its containers.
  await remove()
  try {
    if (!isGiven("--cluster")) await runSteps(single, SINGLE)
    await single.remove()
    if (!isGiven("--single")) await runSteps(cluster, CLUSTER)
  } finally {
    await remove()
  }
}

await main()
