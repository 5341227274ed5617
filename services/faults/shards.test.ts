/**
 * The number of shards is changed while clients write, on a cluster whose nodes' clocks are half a minute apart: each
 * writer repeats a key at once after its answer, so that a shard that takes writes by the former layout shows.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Directory, temporaryDirectory } from "../../scripts/servers/directory.ts"
import { nativeRedis } from "../../scripts/servers/redis.ts"
import { slotOfKey } from "../../shared/redis/slot.ts"
import { hasOneListBuild, makeOneListBuild } from "../testing/build.ts"
import { hasCompiler, makeClock } from "../testing/clock.ts"
import { startCluster, type TestCluster } from "../testing/cluster.ts"
import { judgeOrder } from "../testing/rows.ts"
import { until } from "../testing/until.ts"
import { underLoad } from "./testing/load.ts"
import { useOnMasters } from "./testing/masters.ts"
import { ADMIN_TOKEN } from "./testing/stack.ts"

/** In seconds; of one node each. The second has the queue's own list, whose versions all later ones are above. */
const CLOCKS = [0, 30, -30]

/** So many are accepted in each layout. */
const ENOUGH = 600

describe.runIf(nativeRedis() !== null && hasCompiler)("shards on clocks that differ", () => {
  let directory: Directory
  let cluster: TestCluster
  beforeAll(async () => {
    directory = await temporaryDirectory()
    const clocks = CLOCKS.map((seconds, node) => {
      const clock = makeClock(directory.path, `node-${node}`)
      clock.set(seconds)
      return clock
    })
    cluster = await startCluster({ envs: clocks.map(({ env }) => env) })
  })
  afterAll(async () => {
    await cluster?.close()
    await directory?.remove()
  })
  const stack = useOnMasters(() => cluster, { ADMIN_TOKEN })

  /** As an operator does, who repeats what was refused. */
  const change = (shards: number) =>
    until(`${shards} shards`, async () => {
      const { status } = await fetch(`${stack().urls.stats}/queue/shards`, {
        method: "POST",
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
        body: JSON.stringify({ shards }),
      })
      return status === 200
    })
  const changing = async (numbers: ReadonlyArray<number>) => {
    const { oracle } = stack()
    await underLoad(oracle, "changed", async ({ accepted }) => {
      const taken = () => {
        const before = accepted()
        return until("writes are taken", async () => accepted() > before + ENOUGH)
      }
      await taken()
      for (const shards of numbers) {
        await change(shards)
        await taken()
      }
    })
    // The version alone identifies an appended row, in whichever shard it was accepted.
    const versions = oracle.sent.flatMap(({ outcome, version }) =>
      outcome === "ok" ? version : [],
    )
    expect(new Set(versions).size).toBe(versions.length)
    expect(judgeOrder(oracle.sent)).toEqual([])
  }

  test("become six and two under load: no key has an older value than its last accepted one, and no version is two writes'", async () => {
    await changing([6, 2])
  })

  describe.runIf(hasOneListBuild)("beside a worker of a build that knows of one list", () => {
    let build: Awaited<ReturnType<typeof makeOneListBuild>>
    beforeAll(async () => {
      build = await makeOneListBuild()
    })
    afterAll(() => build?.remove())

    test("it serves that list alone, and harms none of the others", async () => {
      const { folder } = build
      const owner = await cluster.ownerOf(slotOfKey("write_queue"))
      const older = await stack().add("worker", { folder, redisUrl: `${owner?.url}` })
      await changing([1, 3, 1])
      expect(older.said(/batches written|batch written/)).toBeGreaterThan(0)
      expect(older.said(/"shard"/)).toBe(0)
      await older.stop()
    })
  })
})
