/**
 * Faults of a Redis behind Sentinels, whose replicas are some time behind: its machine is gone with what was on its way,
 * or it is cut off from the others while clients still reach it.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Directory, temporaryDirectory } from "../../scripts/servers/directory.ts"
import { nativeRedis } from "../../scripts/servers/redis.ts"
import { canBeApart, cutOff } from "../testing/apart.ts"
import { hasCompiler, makeClock } from "../testing/clock.ts"
import { judgeOrder } from "../testing/rows.ts"
import { startSentinels, type TestSentinels, useSentinels } from "../testing/sentinel.ts"
import { until } from "../testing/until.ts"
import { type Load, underLoad } from "./testing/load.ts"
import { useOnMasters } from "./testing/masters.ts"

const LAG_MILLIS = 50
const ROUNDS = 2

/** Accepted before the fault, and after it. */
const ENOUGH = 100

type Server = TestSentinels["master"]
const between = (server: Server) => server.between as NonNullable<typeof server.between>

const masterOf = (set: TestSentinels) =>
  until("a master", async () => (await set.masterNow()) ?? undefined)

const untilNext = (set: TestSentinels, before: Server) =>
  until("another master", async () => {
    const now = await set.masterNow()
    return now !== null && now !== before && now
  })

const taken = ({ accepted }: Load) => {
  const before = accepted()
  return until("writes are taken", async () => accepted() > before + ENOUGH)
}

/** Its machine is gone, and what it had not sent for so long. */
const lose = async (server: Server) => {
  between(server).drop()
  await server.end("SIGKILL")
}

describe.runIf(nativeRedis() !== null && canBeApart)(
  "Sentinels, and writes that a replica has to have",
  () => {
    const set = useSentinels({ apart: true })
    const stack = useOnMasters(set, { REDIS_REPLICAS: "1" })
    const ordered = () => expect(judgeOrder(stack().oracle.sent)).toEqual([])

    test("whose master is gone with the last 50 ms, 2 times: nothing accepted is lost", async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await underLoad(stack().oracle, "gone", async (load) => {
          const master = await masterOf(set())
          between(master).lag(LAG_MILLIS)
          await taken(load)
          await lose(master)
          await taken(load)
        })
        await set().heal()
      }
      ordered()
    })

    test("whose master is cut off: it is left for the next one, and nothing accepted is lost", async () => {
      await underLoad(stack().oracle, "cut off", async (load) => {
        const master = await masterOf(set())
        await taken(load)
        const others = set().nodes.filter((server) => server !== master)
        cutOff(between(master), others.map(between))
        await untilNext(set(), master)
        await taken(load)
        expect(await master.connection.info("replication")).toContain("role:master")
      })
      ordered()
    })
  },
)

const canTry = nativeRedis() !== null && canBeApart && hasCompiler

describe.runIf(canTry)("Sentinels, and a clock behind", () => {
  let directory: Directory
  let set: TestSentinels
  beforeAll(async () => {
    directory = await temporaryDirectory()
    const clock = makeClock(directory.path, "ahead")
    clock.set(30)
    set = await startSentinels({ apart: true, env: clock.env })
  })
  afterAll(async () => {
    await set?.close()
    await directory?.remove()
  })
  const stack = useOnMasters(() => set)

  test("whose master is gone: what was on its way may be lost, and later writes win over what it had stored", async () => {
    const { oracle } = stack()
    await underLoad(oracle, "gone", async (load) => {
      const { master } = set
      between(master).lag(LAG_MILLIS)
      await taken(load)
      const from = oracle.sent.length
      await taken(load)
      await lose(master)
      const to = oracle.sent.length
      await taken(load)
      expect(judgeOrder(oracle.sent)).toEqual([])
      oracle.mayLack(from, to)
    })
  })
})
