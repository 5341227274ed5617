/** Waiting for replicas to have what their masters have. */
import type { Redis } from "ioredis"
import { until } from "./until.ts"

/** So many of these servers are replicas, and each hears its master. */
export const untilFollowed = (
  servers: ReadonlyArray<{ readonly connection: Redis }>,
  count: number,
): Promise<boolean> =>
  until("the replicas follow", async () => {
    const infos = await Promise.all(servers.map(({ connection }) => connection.info("replication")))
    const replicas = infos.filter((info) => info.includes("role:slave"))
    const isHeard = replicas.every((info) => info.includes("master_link_status:up"))
    // A master that has just come back is one until it hears of the other.
    const followed = infos.reduce(
      (sum, info) => sum + Number(/connected_slaves:(\d+)/.exec(info)?.[1] ?? 0),
      0,
    )
    return replicas.length === count && isHeard && followed === count
  })
