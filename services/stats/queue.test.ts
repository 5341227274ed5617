import { describe, expect, test, vi } from "vitest"
import type { Queue } from "../../shared/queue/queue.ts"
import type { Connection } from "../../shared/redis/redis.ts"
import { type Durability, makeCount, toDurability, worst } from "./queue.ts"
import { oneList } from "./testing/lists.ts"

const settings = (values: Readonly<Record<string, string>>) => ({
  ...{ appendonly: "yes", appendfsync: "always", save: "" },
  ...{ maxmemory: "0", "maxmemory-policy": "noeviction" },
  ...values,
})

const info = async () => "role:master"
const listsWith = (config: unknown) =>
  oneList({ config, info } as unknown as Connection, {} as Queue)

describe("durability", () => {
  test.each([
    [{}, "aof-always"],
    [{ appendfsync: "everysec" }, "aof-everysec"],
    [{ appendfsync: "no" }, "aof-no"],
    [{ appendonly: "no", save: "3600 1 300 100" }, "snapshots"],
    [{ appendonly: "no" }, "memory"],
    [{ appendfsync: "sometimes" }, "unknown"],
  ])("with %j is %s", (values, mode) => {
    expect(toDurability(new Map(Object.entries(settings(values))))).toEqual({
      mode,
      canEvict: false,
    })
  })

  test.each([
    ["0", "allkeys-lru", false],
    ["1048576", "allkeys-lru", true],
    ["1048576", "volatile-ttl", true],
    ["1048576", "noeviction", false],
  ])("with maxmemory %s and %s can evict: %s", (maxmemory, policy, canEvict) => {
    const found = toDurability(
      new Map(Object.entries(settings({ maxmemory, "maxmemory-policy": policy }))),
    )
    expect(found).toEqual({ mode: "aof-always", canEvict })
  })

  test("of several nodes is the worst that is known, and not known before it is well", () => {
    const of = (...modes: ReadonlyArray<Durability["mode"]>) =>
      worst(modes.map((mode) => ({ mode, canEvict: mode === "memory" })))
    expect(of("aof-always", "aof-always")).toEqual({ mode: "aof-always", canEvict: false })
    expect(of("unknown", "aof-always").mode).toBe("unknown")
    expect(of("aof-everysec", "unknown", "aof-always").mode).toBe("aof-everysec")
    expect(of("aof-no", "memory", "snapshots")).toEqual({ mode: "memory", canEvict: true })
  })

  test("is asked of Redis every five seconds and no more often", async () => {
    const clock = vi.spyOn(performance, "now").mockReturnValue(1)
    const config = vi.fn(async () => Object.entries(settings({})).flat())
    const { durability } = makeCount(listsWith(config))
    await Promise.all([durability(), durability()])
    await durability()
    expect(config).toHaveBeenCalledTimes(1)
    clock.mockReturnValue(5_002)
    expect((await durability()).mode).toBe("aof-always")
    expect(config).toHaveBeenCalledTimes(2)
    vi.restoreAllMocks()
  })

  test("is unknown while Redis does not say, and is asked for again", async () => {
    const config = vi
      .fn(async () => Object.entries(settings({})).flat())
      .mockRejectedValueOnce(new Error("NOPERM"))
    const { durability } = makeCount(listsWith(config))
    expect(await durability()).toEqual({ mode: "unknown", canEvict: false })
    expect((await durability()).mode).toBe("aof-always")
  })
})
