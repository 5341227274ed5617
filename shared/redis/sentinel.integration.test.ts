/** A connection that real Sentinels lead to their master, and to the next one. */
import { describe, expect, onTestFinished, test } from "vitest"
import { nativeRedis } from "../../scripts/servers/redis.ts"
import { startProxy } from "../../services/testing/proxy.ts"
import { type SentinelNode, useSentinels } from "../../services/testing/sentinel.ts"
import { until } from "../../services/testing/until.ts"
import { openQueue } from "../queue/queue.ts"
import { closeRedis, openRedis, redisErrorReason, untilReady } from "./redis.ts"

const QUEUE = "write_queue"
const READY_MILLIS = 10_000
/** A port at which nobody listens. */
const NOBODY = "1"
/** Long enough for another answer to come first, always. */
const SLOW_MILLIS = 10

const open = (url: string, blockingMillis?: number) => {
  const options = { name: "test", ...(blockingMillis && { blockingMillis }) }
  const redis = openRedis(url, options)
  onTestFinished(() => closeRedis(redis))
  return redis
}

/** Sends a write; the reason why it was refused, or null. */
const tried = (redis: ReturnType<typeof open>) =>
  openQueue(redis, QUEUE)
    .enqueue({ most: 1_000_000, isFirst: true, writes: ['{"key":"a","value":"v"}'] })
    .then(
      () => null,
      (error) => redisErrorReason(error, redis.link),
    )

/** As a client does that is refused: another write until one is taken. */
const untilTaken = (redis: ReturnType<typeof open>) =>
  until("a write is taken", async () => (await tried(redis)) === null)

const untilTrouble = (redis: ReturnType<typeof open>) =>
  until("it says why", async () => redis.link.trouble ?? undefined)

describe.runIf(nativeRedis() !== null)("Sentinels", () => {
  const set = useSentinels()

  test("lead to their master, each of them", async () => {
    for (const sentinel of set().sentinels) {
      const redis = open(set().url([sentinel]))
      await untilReady(redis, READY_MILLIS)
      expect(await tried(redis)).toBeNull()
    }
    expect(await set().master.connection.llen(QUEUE)).toBe(set().sentinels.length)
  })

  test("have a reason when there is no master of the name, or when they are none", async () => {
    const unknown = open(
      set()
        .url()
        .replace(/mymaster$/, "other"),
    )
    expect(await untilTrouble(unknown)).toBe("Sentinel knows no master other")
    expect(await tried(unknown)).toBe("not connected: Sentinel knows no master other")
    const { port } = set().master
    const none = open(`redis+sentinel://127.0.0.1:${port}/mymaster`)
    expect(await untilTrouble(none)).toBe("what answers is no Sentinel")
    const single = open(`redis+cluster://127.0.0.1:${port}`)
    expect(await untilTrouble(single)).toBe("Redis is no cluster")
    const nobody = open("redis+sentinel://127.0.0.1:1/mymaster")
    expect(await untilTrouble(nobody)).toBe("no Sentinel answers (ECONNREFUSED)")
  })

  test("are asked past one that is frozen", async () => {
    const [frozen, other] = set().sentinels as [SentinelNode, SentinelNode]
    frozen.kill("SIGSTOP")
    onTestFinished(() => frozen.kill("SIGCONT"))
    const alone = open(set().url([frozen]))
    const redis = open(set().url([frozen, other]))
    await untilReady(redis, READY_MILLIS)
    expect(await tried(redis)).toBeNull()
    expect(await untilTrouble(alone)).toMatch(/^no Sentinel answers/)
    frozen.kill("SIGCONT")
    await untilTaken(alone)
  })

  test("are overruled by the next one when theirs is no master that can be used", async () => {
    const [stale, right] = set().sentinels as [SentinelNode, SentinelNode]
    await stale.connection.call("SENTINEL", "MONITOR", "ours", "127.0.0.1", NOBODY, "3")
    await right.connection.call("SENTINEL", "MONITOR", "ours", "127.0.0.1", set().master.port, "3")
    onTestFinished(async () => {
      for (const { connection } of [stale, right])
        await connection.call("SENTINEL", "REMOVE", "ours")
    })
    const slow = await startProxy(right.port)
    onTestFinished(() => slow.stop())
    slow.delay(SLOW_MILLIS)
    const redis = open(`redis+sentinel://127.0.0.1:${stale.port},127.0.0.1:${slow.port}/ours`)
    await untilTaken(redis)
  })

  test("a connection that is closed amid its question ends", async () => {
    const [frozen] = set().sentinels as [SentinelNode]
    frozen.kill("SIGSTOP")
    onTestFinished(() => frozen.kill("SIGCONT"))
    const redis = open(set().url([frozen]))
    closeRedis(redis)
    await until("it has ended", async () => redis.status === "end")
  })

  test("lead to the next master when theirs dies, and who waits for a write goes there too", async () => {
    const redis = open(set().url())
    const bell = open(set().url(), 5_000)
    await untilReady(redis, READY_MILLIS)
    await untilReady(bell, READY_MILLIS)
    expect(await tried(redis)).toBeNull()
    await set().master.end("SIGKILL")
    await untilTaken(redis)
    // The Sentinel that is asked may hear of it after the one that led there.
    const { master } = set()
    await until("another master is named", async () => (await set().masterNow()) !== master)
    await until("the bell rings", () =>
      openQueue(bell, QUEUE)
        .waitForWrite(1)
        .then(
          () => true,
          () => false,
        ),
    )
  })

  test("lead away from a master that is frozen", async () => {
    const redis = open(set().url())
    await untilReady(redis, READY_MILLIS)
    const frozen = await until("a master", async () => (await set().masterNow()) ?? undefined)
    frozen.kill("SIGSTOP")
    onTestFinished(() => frozen.kill("SIGCONT"))
    await untilTaken(redis)
    await until("another master is named", async () => (await set().masterNow()) !== frozen)
  })
})
