/** Who a heartbeat says is able to write: a shard is served by those. */
import { beforeEach, describe, expect, test } from "vitest"
import { REDIS_KINDS, useRedis } from "../../services/testing/redis.ts"
import { openQueue } from "./queue.ts"

describe.each(REDIS_KINDS)("heartbeat on a %s Redis", (kind) => {
  const server = useRedis(kind)
  beforeEach(async () => void (await server().connection.flushdb()))

  const beat = async (worker: string, hold = "") => {
    const queue = openQueue(server().connection, "write_queue")
    const { able } = await queue.heartbeat({ worker, lease: 60_000, hold, most: 1, ids: [] })
    return [...able].sort()
  }

  test("leaves out who holds, as long as others do not", async () => {
    expect(await beat("one")).toEqual(["one"])
    expect(await beat("other", "PostgreSQL does not answer")).toEqual(["one"])
    expect(await beat("one")).toEqual(["one"])
    expect(await beat("other")).toEqual(["one", "other"])
  })

  test("names all when all hold", async () => {
    await beat("one", "no table")
    expect(await beat("other", "no table")).toEqual(["one", "other"])
  })
})
