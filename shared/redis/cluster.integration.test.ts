/** A connection to a real cluster: it goes to the owner of the queue's slot, wherever that moves. */
import { describe, expect, onTestFinished, test } from "vitest"
import { nativeRedis } from "../../scripts/servers/redis.ts"
import { type Apart, canBeApart, cutOff } from "../../services/testing/apart.ts"
import { type ClusterNode, useCluster } from "../../services/testing/cluster.ts"
import { until } from "../../services/testing/until.ts"
import { openQueue } from "../queue/queue.ts"
import { closeRedis, isUnknownOutcome, openRedis, redisErrorReason, untilReady } from "./redis.ts"
import { slotOfKey } from "./slot.ts"

/** Of a slot that the second master owns, not the one of slot 0. */
const QUEUE = "{write_queue:2}"
const SLOT = slotOfKey(QUEUE)
const READY_MILLIS = 10_000
const KILLS = 200
const ROUND_WRITES = 5

const open = async (url: string, blockingMillis?: number) => {
  const options = { name: "test", slotOf: QUEUE, ...(blockingMillis && { blockingMillis }) }
  const redis = openRedis(url, options)
  onTestFinished(() => closeRedis(redis))
  await untilReady(redis, READY_MILLIS)
  return redis
}

let keys = 0
/** A write with a key of its own. */
const write = (key = `key-${keys++}`) => ({ key, text: JSON.stringify({ key, value: "v" }) })

type Queue = ReturnType<typeof openQueue>
const send = (queue: Queue, text = write().text) =>
  queue.enqueue({ most: 1_000_000, isFirst: true, writes: [text] })

/** As a client does that is refused: another write until one is taken. */
const untilTaken = (queue: Queue) =>
  until("a write is taken", () =>
    send(queue).then(
      ({ taken }) => taken === 1,
      () => false,
    ),
  )

describe.runIf(nativeRedis() !== null)("a cluster", () => {
  const cluster = useCluster({ replicas: true })

  const owner = async (asked?: ClusterNode) => {
    const found = await cluster().ownerOf(SLOT, asked)
    if (!found) throw new Error("no owner")
    return found
  }
  const keysIn = async (node: ClusterNode) =>
    (await node.connection.lrange(QUEUE, 0, -1)).map((item) => JSON.parse(item).key as string)

  test("counts slots as we do", async () => {
    for (const key of ["write_queue", QUEUE, "{write_queue:1}:leases", "a{}b", "{}{a}", "é{ü}"]) {
      expect([key, slotOfKey(key)]).toEqual([key, await cluster().slotOf(key)])
    }
  })

  test("takes a write whichever node is named, replicas as well", async () => {
    const { connection } = await owner()
    for (const node of cluster().nodes) {
      const redis = await open(cluster().url([node]))
      const before = await connection.llen(QUEUE)
      expect((await send(openQueue(redis, QUEUE))).taken).toBe(1)
      expect(await connection.llen(QUEUE)).toBe(before + 1)
      expect(redis.link).toMatchObject({ connections: 1, trouble: null })
    }
  })

  test("goes on where the slot is moved to, and so does who waits for a write", async () => {
    const redis = await open(cluster().url())
    const bell = await open(cluster().url(), 5_000)
    const queue = openQueue(redis, QUEUE)
    const from = await owner()
    await from.connection.del(QUEUE)
    const to = cluster().masters.find((node) => node !== from) as ClusterNode
    const waiting = openQueue(bell, QUEUE)
      .waitForWrite(5)
      .catch((error) => redisErrorReason(error, bell.link))
    await until("it is blocked", async () =>
      (await from.connection.info("clients")).includes("blocked_clients:1"),
    )
    await cluster().moveSlot(SLOT, from, to)
    expect(await waiting).toBe("MOVED")
    await untilTaken(queue)
    expect(await to.connection.llen(QUEUE)).toBeGreaterThan(0)
    await untilReady(bell, READY_MILLIS)
    await openQueue(bell, QUEUE).waitForWrite(5)
    await cluster().moveSlot(SLOT, to, from)
    await untilTaken(queue)
  })

  test("goes on where a replica takes over, and so does who waits for a write", async () => {
    const redis = await open(cluster().url())
    const bell = await open(cluster().url(), 5_000)
    const queue = openQueue(redis, QUEUE)
    const master = await owner()
    await master.connection.del(QUEUE)
    const replica = cluster().replicas[cluster().masters.indexOf(master)] as ClusterNode
    const waiting = openQueue(bell, QUEUE)
      .waitForWrite(5)
      .catch((error) => redisErrorReason(error, bell.link))
    await until("it is blocked", async () =>
      (await master.connection.info("clients")).includes("blocked_clients:1"),
    )
    await replica.call("FAILOVER", "TAKEOVER")
    expect(await waiting).toMatch(/^(UNBLOCKED|MOVED)$/)
    await untilTaken(queue)
    expect(await owner(replica)).toBe(replica)
    await untilReady(bell, READY_MILLIS)
    await openQueue(bell, QUEUE).waitForWrite(5)
  })

  test(`sends nothing twice while its socket is killed ${KILLS} times`, async () => {
    const { connection } = await owner()
    await connection.del(QUEUE)
    const redis = await open(cluster().url())
    const queue = openQueue(redis, QUEUE)
    const sent: Array<Promise<readonly [string, "taken" | "refused" | "unknown"]>> = []
    for (let kill = 0; kill < KILLS; kill++) {
      await untilReady(redis, READY_MILLIS)
      for (let count = 0; count < ROUND_WRITES; count++) {
        const { key, text } = write()
        const outcome = send(queue, text).then(
          () => "taken" as const,
          (error) => (isUnknownOutcome(error) ? ("unknown" as const) : ("refused" as const)),
        )
        sent.push(outcome.then((found) => [key, found]))
      }
      await connection.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    }
    const outcomes = await Promise.all(sent)
    const of = (wanted: string) => outcomes.flatMap(([key, found]) => (found === wanted ? key : []))
    const queued = await keysIn(await owner())
    expect(new Set(queued).size).toBe(queued.length)
    expect(queued).toEqual(expect.arrayContaining(of("taken")))
    expect(queued.filter((key) => of("refused").includes(key))).toEqual([])
    expect(of("taken").length).toBeGreaterThan(0)
    expect(of("unknown").length).toBeGreaterThan(0)
    expect(redis.link.connections).toBeGreaterThan(KILLS / 2)
  })

  test("asks the others when a node is frozen, and says so when there is none", async () => {
    const holder = await owner()
    const frozen = cluster().nodes.find((node) => node !== holder) as ClusterNode
    frozen.kill("SIGSTOP")
    onTestFinished(() => frozen.kill("SIGCONT"))
    const alone = openRedis(cluster().url([frozen]), { name: "test", slotOf: QUEUE })
    onTestFinished(() => closeRedis(alone))
    const redis = await open(cluster().url([frozen, holder]))
    expect(redis.status).toBe("ready")
    await until("it says why", async () => alone.link.trouble !== null)
    expect(alone.link.trouble).toMatch(/^no node of the cluster answers/)
    frozen.kill("SIGCONT")
    await untilTaken(openQueue(alone, QUEUE))
    expect(alone.link.trouble).toBeNull()
  })

  test("takes writes again when a replica is promoted, and nothing twice", async () => {
    const dead = await owner()
    // The others are known from what it says.
    const redis = await open(cluster().url([dead]))
    const bell = await open(cluster().url(), 5_000)
    const queue = openQueue(redis, QUEUE)
    await send(queue)
    await dead.end("SIGKILL")
    await untilTaken(queue)
    const survivor = cluster().nodes.find((node) => node !== dead)
    const promoted = await owner(survivor)
    expect(promoted).not.toBe(dead)
    const queued = await keysIn(promoted)
    expect(new Set(queued).size).toBe(queued.length)
    await until("the bell rings", () =>
      openQueue(bell, QUEUE)
        .waitForWrite(1)
        .then(
          () => true,
          () => false,
        ),
    )
    await dead.start()
    await until("it follows", async () =>
      (await dead.connection.info("replication")).includes("master_link_status:up"),
    )
  })

  test("leaves an owner that is frozen", async () => {
    const redis = await open(cluster().url())
    const queue = openQueue(redis, QUEUE)
    const survivor = cluster().masters[0] as ClusterNode
    const frozen = await owner(survivor)
    const asked = cluster().nodes.find((node) => node !== frozen)
    frozen.kill("SIGSTOP")
    await untilTaken(queue)
    expect(await owner(asked)).not.toBe(frozen)
    frozen.kill("SIGCONT")
  })
})

describe.runIf(nativeRedis() !== null && canBeApart)("a master that hears no majority", () => {
  const cluster = useCluster({ replicas: true, apart: true })

  test("is left for the one that the others have promoted", async () => {
    const master = await cluster().ownerOf(SLOT)
    const others = cluster().nodes.filter((node) => node !== master)
    const queue = openQueue(await open(cluster().url()), QUEUE)
    await send(queue)
    const [cut, ...rest] = [master as ClusterNode, ...others].map(({ between }) => between as Apart)
    cutOff(cut as Apart, rest)
    const promoted = await until("another is promoted", async () => {
      const found = await cluster().ownerOf(SLOT, others[0])
      return found !== null && found !== master && found
    })
    const before = await promoted.connection.llen(QUEUE)
    await until("a write is taken there", async () => {
      await send(queue).catch(() => {})
      return (await promoted.connection.llen(QUEUE)) > before
    })
  })
})
