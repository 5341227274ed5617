import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { Health } from "../../shared/contract.ts"
import { snapshot } from "../../shared/queue/snapshot.ts"
import { INTERVAL_MILLIS, makeEvents, WATCHERS_MAX } from "./events.ts"
import type { Examine } from "./health.ts"
import { countOf } from "./testing/lists.ts"

const HEALTH: Health = {
  ...{ status: "healthy", queue_depth: 7, worker_active: true, durability: "aof-always" },
  ...{ redis: "up", postgres: "up" },
}
const WORKER = { id: "worker-1", isAlive: true, until: 1, held: "" }
const HISTORY = "event: history\ndata: [[1,2,3,4]]\n\n"
const COUNT = countOf(snapshot.reply([0, 7, 0, 1, 0, 0, 0, [], [], []]))

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const setUp = (examine: Examine = async () => ({ count: COUNT, health: HEALTH })) => {
  const asked = vi.fn(examine)
  const points = () => [[1, 2, 3, 4]] as const
  const events = makeEvents({
    ...{ examine: asked, history: { points }, hasOperations: false, build: "1.2.3" },
    workers: async () => [WORKER],
  })
  const request = (method = "GET") =>
    events.watch(new Request("http://localhost/events", { method }))
  const watch = () => {
    const reader = request().body?.getReader()
    if (!reader) throw new Error("no body")
    const decoder = new TextDecoder()
    return {
      read: async () => {
        const { value: bytes, done } = await reader.read()
        return done ? "the end" : decoder.decode(bytes)
      },
      leave: () => reader.cancel(),
    }
  }
  return { asked, events, request, watch }
}

describe("events", () => {
  test("come at once and then every second, with the figures and the health", async () => {
    const { watch } = setUp()
    const { read } = watch()
    expect(await read()).toBe("retry: 1000\n\n")
    expect(await read()).toBe(HISTORY)
    const first = await read()
    expect(first).toMatch(/^data: \{.*\}\n\n$/)
    expect(JSON.parse(first.slice("data: ".length))).toEqual({
      ...{ at: Date.now(), hasOperations: false, build: "1.2.3", workers: [WORKER] },
      ...{ health: HEALTH, stats: COUNT.stats, windows: COUNT.windows },
    })
    await vi.advanceTimersByTimeAsync(2 * INTERVAL_MILLIS)
    for (let i = 0; i < 2; i++) expect(await read()).toContain('"queue_depth":7')
  })

  test("have no more shards than the page shows: those whose writes have waited longest", async () => {
    const shards = Array.from({ length: 200 }, (_, at) => ({
      ...{ shard: String(at), current: true, queue_depth: 0, in_flight: 0 },
      ...{ oldest_age_seconds: at === 199 ? 9 : 0, workers: 1, processing_rate: 0 },
    }))
    const count = { ...COUNT, stats: { ...COUNT.stats, shards } }
    const { read } = setUp(async () => ({ count, health: HEALTH })).watch()
    const texts = [await read(), await read(), await read()]
    const shown = JSON.parse(texts[2]?.slice("data: ".length) ?? "").stats.shards
    expect([shown.length, shown[0].shard, shown.at(-1).shard]).toEqual([129, "0", "199"])
  })

  test("are the same for all: the stores are asked once a second", async () => {
    const { asked, watch } = setUp()
    const watchers = Array.from({ length: 10 }, watch)
    await vi.advanceTimersByTimeAsync(10 * INTERVAL_MILLIS)
    expect(asked).toHaveBeenCalledTimes(11)
    await Promise.all(watchers.map(({ leave }) => leave()))
    await vi.advanceTimersByTimeAsync(10 * INTERVAL_MILLIS)
    expect(asked).toHaveBeenCalledTimes(11)
    expect(vi.getTimerCount()).toBe(0)
    watch()
    expect(asked).toHaveBeenCalledTimes(12)
  })

  test("show a watcher who comes later the latest at once", async () => {
    const { asked, watch } = setUp()
    watch()
    await vi.advanceTimersByTimeAsync(INTERVAL_MILLIS / 2)
    const { read } = watch()
    for (let i = 0; i < 2; i++) await read()
    expect(await read()).toContain('"queue_depth":7')
    expect(asked).toHaveBeenCalledTimes(1)
  })

  test("begin with what is true now, however long nobody has looked", async () => {
    let depth = 7
    const { watch } = setUp(async () => ({
      count: COUNT,
      health: { ...HEALTH, queue_depth: depth },
    }))
    const before = watch()
    await vi.advanceTimersByTimeAsync(0)
    await before.leave()
    // One leaves while the stores are asked: what they answer is for nobody.
    await watch().leave()
    await vi.advanceTimersByTimeAsync(3_600 * INTERVAL_MILLIS)
    depth = 8
    const two = [watch(), watch()]
    for (const { read } of two) {
      for (let i = 0; i < 2; i++) await read()
      expect(await read()).toContain('"queue_depth":8')
    }
  })

  test("go on without figures while Redis is away", async () => {
    const health: Health = { ...HEALTH, status: "unhealthy", redis: "down" }
    const { watch } = setUp(async () => ({ count: null, health }))
    const { read } = watch()
    for (let i = 0; i < 2; i++) await read()
    const event = await read()
    expect(event).toContain('"redis":"down"')
    expect(event).not.toContain("stats")
  })

  test("are for so many watchers; one more is told to come later", async () => {
    const { request, watch } = setUp()
    const watchers = Array.from({ length: WATCHERS_MAX }, watch)
    const refused = request()
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"])
    expect(await refused.json()).toMatchObject({ type: "/problems/too-many-watchers" })
    await watchers[0]?.leave()
    expect(request().status).toBe(200)
  })

  test("are not kept for a watcher who does not read", async () => {
    const { watch } = setUp()
    const { read } = watch()
    await vi.advanceTimersByTimeAsync(60 * INTERVAL_MILLIS)
    let events = 0
    while ((await read()) !== "the end") events += 1
    expect(events).toBeLessThan(40)
    expect(vi.getTimerCount()).toBe(0)
  })

  test("end with the service, which then gives no more", async () => {
    const { events, request, watch } = setUp()
    const { read } = watch()
    await vi.advanceTimersByTimeAsync(0)
    events.end()
    for (let i = 0; i < 3; i++) await read()
    expect(await read()).toBe("the end")
    expect(vi.getTimerCount()).toBe(0)
    expect(await request().json()).toMatchObject({ type: "/problems/stopping" })
  })

  test("have headers alone for HEAD, which nobody would end", async () => {
    const { asked, request } = setUp()
    const response = request("HEAD")
    expect(response.headers.get("content-type")).toBe("text/event-stream")
    expect(response.body).toBeNull()
    expect(asked).not.toHaveBeenCalled()
  })
})
