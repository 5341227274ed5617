/**
 * A write that ends every worker that takes it (reliability 3.7, 4.2): it is isolated, so that it takes
 * no neighbour with it, and buried before it has ended them all for ever.
 */
import { expect, test } from "vitest"
import { ALONE_AFTER } from "../../shared/queue/claim.ts"
import { onEachRow } from "../../shared/testing/table.ts"
import { CANARY } from "../testing/sent.ts"
import { until } from "../testing/until.ts"
import { LOST_LEASES_MAX } from "../worker/settings.ts"
import { faults, useFaultStack } from "./testing/stack.ts"

const KILLER = "ends its worker"

faults("a write that ends every worker", () => {
  const stack = useFaultStack({ env: { LEASE_SECONDS: "1" } })

  test("is claimed alone from the third silence on, and buried at the sixth; neighbours live", async () => {
    const { oracle, client, postgres, redis, keys, workers } = stack()
    // The statement with the killer never returns: its worker holds the batch until it is killed.
    const sleep = `if new.value like '%${KILLER}%' then perform pg_sleep(30); end if`
    await postgres.sql(onEachRow("fatal", sleep))
    const [worker] = workers
    const seen = new Set<string>()
    /** The next batch that the killer is in; the last one stands there until its lease has ended. */
    const claimed = () =>
      until("claimed", async () => {
        for (const id of await redis.connection.zrange(keys.leases, "0", "-1")) {
          if (seen.has(id)) continue
          const items = await redis.connection.lrange(keys.batch(id), 0, -1)
          if (!items.some((item) => item.includes(KILLER))) continue
          seen.add(id)
          return items
        }
        return undefined
      })

    const unlock = await postgres.lock()
    const name = oracle.name("killer")
    const [before, killer] = await Promise.all([
      oracle.once("neighbours", 6),
      oracle.post(name, KILLER, true),
    ])
    await unlock()
    const sizes: number[] = []
    for (let silence = 0; silence < LOST_LEASES_MAX; silence++) {
      sizes.push((await claimed()).length)
      await worker?.end("SIGKILL")
      // Its statement would go on, and hold the rows of its neighbours.
      await stack().terminate()
      const neighbours = await oracle.once("more neighbours", 3)
      expect(neighbours.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok"])
      await worker?.start()
    }
    const stats = await client.drained()
    await postgres.sql("drop function fatal cascade")
    expect(sizes.slice(ALONE_AFTER)).toEqual([1, 1, 1])
    expect(stats.writes_failed).toBe(1)
    const letters = await redis.connection.lrange(keys.dead, 0, -1)
    expect(letters.map((letter) => JSON.parse(letter))).toMatchObject([
      { version: killer.version, reason: `${LOST_LEASES_MAX} workers went silent with it` },
    ])
    for (const { key, version } of before) {
      expect((await client.read(key)).version).toBe(version)
    }
    expect(killer.value).toContain(CANARY)
  })
})
