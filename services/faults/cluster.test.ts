/**
 * Faults of a Redis Cluster: a master that is killed, that the others cannot hear, or whose slot is moved, while clients
 * write to six shards. A replica has each write before it is accepted, so none may be lost.
 */
import { describe, expect, test } from "vitest"
import { nativeRedis } from "../../scripts/servers/redis.ts"
import { shardName, shardOf } from "../../shared/queue/shards.ts"
import { slotOfKey } from "../../shared/redis/slot.ts"
import { TABLE } from "../../shared/testing/table.ts"
import { canBeApart, cutOff } from "../testing/apart.ts"
import { type ClusterNode, useCluster } from "../testing/cluster.ts"
import { judgeOrder } from "../testing/rows.ts"
import type { Sent } from "../testing/sent.ts"
import { until } from "../testing/until.ts"
import { underLoad } from "./testing/load.ts"
import { useOnMasters } from "./testing/masters.ts"

const SHARDS = 6
const MOVES = 4

describe.runIf(nativeRedis() !== null && canBeApart)("a cluster", () => {
  const cluster = useCluster({ replicas: true, apart: true })
  const stack = useOnMasters(cluster, {
    ...{ WRITE_QUEUE_SHARDS: String(SHARDS), REDIS_REPLICAS: "1" },
  })

  const slots = Array.from({ length: SHARDS }, (_, shard) =>
    slotOfKey(shardName("write_queue", SHARDS, shard)),
  )
  const slotOfWrite = ({ key }: Sent) => slots[shardOf(TABLE, key, SHARDS)] as number
  const owner = async (slot: number, asked?: ClusterNode) => {
    const found = await cluster().ownerOf(slot, asked)
    if (!found) throw new Error("no owner")
    return found
  }
  /** Of the first shard, and one that is not. */
  const masters = async () => {
    const master = await owner(slots[0] as number)
    const others = cluster().nodes.filter((node) => node !== master)
    return { master, others, witness: others[0] as ClusterNode }
  }
  const accepted = (write: Sent) => write.outcome === "ok" && !write.isAppended
  /** The first write of those slots that is accepted from now on. */
  const taken = (isWanted: (slot: number) => boolean) => {
    const { sent } = stack().oracle
    const from = sent.length
    return until("a write is taken", async () =>
      sent.slice(from).find((write) => accepted(write) && isWanted(slotOfWrite(write))),
    )
  }
  const ordered = () => expect(judgeOrder(stack().oracle.sent)).toEqual([])

  test("whose master is killed under load loses nothing accepted, and others' shards go on", async () => {
    const { oracle } = stack()
    await underLoad(oracle, "killed", async () => {
      const { master, witness } = await masters()
      const owned = new Set<number>()
      for (const slot of slots) if ((await owner(slot)) === master) owned.add(slot)
      await taken((slot) => owned.has(slot))
      await master.end("SIGKILL")
      await taken((slot) => !owned.has(slot))
      await until("another is the master", async () => {
        const found = await cluster().ownerOf(slots[0] as number, witness)
        return found !== null && found !== master
      })
      // The promoted one needs a replica before it accepts.
      await cluster().heal()
      await taken((slot) => owned.has(slot))
    })
    ordered()
  })

  test("whose slot is moved to and fro under load loses nothing, and goes on each time", async () => {
    const { oracle } = stack()
    await underLoad(oracle, "moved", async () => {
      const [slot = 0] = slots
      for (let move = 0; move < MOVES; move++) {
        const from = await owner(slot)
        const owners = await Promise.all(slots.map((each) => owner(each)))
        const to = owners.find((node) => node !== from) as ClusterNode
        await cluster().moveSlot(slot, from, to)
        await taken((each) => each === slot)
      }
    })
    ordered()
  })

  test("whose master is cut off from the others, and not from clients, loses nothing accepted", async () => {
    const { oracle } = stack()
    await underLoad(oracle, "cut off", async () => {
      const { master, others, witness } = await masters()
      await taken((slot) => slot === slots[0])
      const between = (node: ClusterNode) => node.between as NonNullable<typeof node.between>
      cutOff(between(master), others.map(between))
      await until("another is the master", async () => {
        const found = await cluster().ownerOf(slots[0] as number, witness)
        return found !== null && found !== master
      })
      expect(await owner(slots[0] as number, master)).toBe(master)
      await cluster().heal()
      await taken((slot) => slot === slots[0])
    })
    ordered()
  })
})
