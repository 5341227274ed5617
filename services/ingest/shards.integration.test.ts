/** Several shards: where writes go, what their clients are told, and what is left when one is gone. */
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import type { Shard } from "../../shared/queue/open-shards.ts"
import { shardOf } from "../../shared/queue/shards.ts"
import { startProxy } from "../testing/proxy.ts"
import { REDIS_KINDS, useRedis } from "../testing/redis.ts"
import { openIngest } from "./testing/ingest.ts"
import { EVENT } from "./testing/rows.ts"

const SHARDS = 3
const DATABASE = "1/write_buffer/public"
const CLAIM = { most: 100, mostBytes: 1_000_000, lease: 60_000, database: DATABASE, id: "1" }

const keysOf = (count: number) => Array.from({ length: count }, (_, index) => `key ${index}`)
const shardOfKey = (key: string) => shardOf(DEFAULT_TABLE.name, key, SHARDS)

/** The numbers of which it is so, as the first and the last of each run. */
const runsOf = (numbers: ReadonlyArray<number>) =>
  numbers.flatMap((first) => {
    if (numbers.includes(first - 1)) return []
    let last = first
    while (numbers.includes(last + 1)) last += 1
    return [[first, last]]
  })

describe.each(REDIS_KINDS)("the shards of a %s Redis", (kind) => {
  const server = useRedis(kind, { own: true })
  const closing: Array<() => void> = []
  type Ingest = Awaited<ReturnType<typeof openIngest>>

  const open = async (options: Partial<Parameters<typeof openIngest>[0]> = {}) => {
    const ingest = await openIngest({ url: server().url, first: SHARDS, ...options })
    closing.push(ingest.close)
    return ingest
  }
  const waitingIn = async (name: string) =>
    (await server().connection.lrange(name, 0, -1)).reverse().map((item) => JSON.parse(item))
  /** What waits in each shard, oldest first. */
  const waiting = ({ shards }: Ingest) =>
    Promise.all(shards.current().map(({ name }) => waitingIn(name)))
  const shard = ({ shards }: Ingest, number: number) => shards.current()[number] as Shard
  /** For ingest, its Redis is no longer there. */
  const lose = async (ingest: Ingest, number: number) => {
    const { redis } = shard(ingest, number)
    redis.options.port = 1
    redis.disconnect(true)
    await expect.poll(() => redis.link.trouble).toBe("ECONNREFUSED")
  }

  beforeEach(() => server().connection.flushall())
  afterEach(() => {
    for (const close of closing.splice(0)) close()
  })

  test("have each key in one of them, where its versions rise", async () => {
    const ingest = await open()
    const keys = keysOf(60)
    const versions = new Map<string, number[]>()
    for (let round = 0; round < 3; round += 1) {
      for (const { status, body } of await Promise.all(keys.map((key) => ingest.post(key)))) {
        expect(status).toBe(202)
        versions.set(body.key, [...(versions.get(body.key) ?? []), body.version])
      }
    }
    const lists = await waiting(ingest)
    for (const [number, items] of lists.entries()) {
      expect(items.length).toBeGreaterThan(0)
      for (const { key } of items) expect(shardOfKey(key)).toBe(number)
    }
    for (const key of keys) {
      const found = lists.flat().filter((item) => item.key === key)
      const rising = versions.get(key)?.toSorted((one, other) => one - other)
      expect(found.map(({ version }) => version)).toEqual(rising)
      expect(versions.get(key)).toEqual(rising)
    }
  })

  test("are one list with the queue's name where nobody wants several", async () => {
    const ingest = await open({ first: 1 })
    const { body } = await ingest.post("a")
    expect(body.queue_depth).toBe(1)
    const names = (await server().connection.keys("*")).toSorted()
    expect(names).toEqual(["write_queue", "{write_queue}:counters"])
    expect(await server().connection.llen("write_queue")).toBe(1)
  })

  test("have appended rows in large groups, and the repetition of a key in the shard of the first", async () => {
    const ingest = await open()
    const append = (headers = {}) => ingest.send("/write/events", EVENT, headers)
    await Promise.all(Array.from({ length: 30 }, () => append()))
    expect((await waiting(ingest)).map(({ length }) => length).toSorted()).toEqual([0, 0, 30])
    await append()
    await append()
    expect((await waiting(ingest)).map(({ length }) => length).toSorted()).toEqual([1, 1, 30])
    for (const key of keysOf(10)) {
      const first = await append({ "idempotency-key": key })
      const again = await append({ "idempotency-key": key })
      expect(again.body).toEqual({ ...first.body, queue_depth: expect.any(Number) })
      expect(again.headers.get("idempotency-replayed")).toBe("true")
    }
    expect((await waiting(ingest)).flat()).toHaveLength(42)
  })

  test("have all appended rows of a call with a key in one of them", async () => {
    const ingest = await open()
    const rows = Array.from({ length: 50 }, () => EVENT)
    const send = () => ingest.send("/writes/events", rows, { "idempotency-key": "k" })
    const first = await send()
    expect((await waiting(ingest)).map(({ length }) => length).toSorted()).toEqual([0, 0, 50])
    expect((await send()).body).toMatchObject({ first_version: first.body.first_version })
    expect((await waiting(ingest)).flat()).toHaveLength(50)
    expect((await ingest.send("/writes/events", [EVENT], { "idempotency-key": "k" })).status).toBe(
      422,
    )
  })

  test("hold no more together than one would, and say how many that is", async () => {
    const ingest = await open({ maxDepth: 10 })
    const answers = await Promise.all(keysOf(60).map((key) => ingest.post(key)))
    const types = answers.map(({ status, body }) => (status === 202 ? "queued" : body.type))
    expect(types.filter((type) => type === "queued")).toHaveLength(9)
    expect(types.filter((type) => type === "/problems/queue-full")).toHaveLength(51)
    const depths = answers.flatMap(({ body }) => body.queue_depth ?? [])
    expect(Math.max(...depths)).toBe(9)
    expect(await ingest.health()).toEqual({
      ...{ code: 200, status: "degraded", redis: "up", reason: "queue-full" },
    })
    await server().connection.del("{write_queue:1}")
    expect(await ingest.health()).toMatchObject({
      ...{ code: 200, status: "degraded", reason: "2 of 3 shards: queue-full" },
    })
  })

  test("take the writes of one call, whose answer has the lowest and the highest version", async () => {
    const ingest = await open()
    const rows = keysOf(100).map((key) => ({ key, value: "v" }))
    const { status, body } = await ingest.send("/writes", rows, { prefer: "return=representation" })
    const versions = (await waiting(ingest)).flat().map(({ version }) => version)
    expect(status).toBe(202)
    expect(body).toMatchObject({
      queued: 100,
      first_version: Math.min(...versions),
      last_version: Math.max(...versions),
    })
    expect(body.versions.toSorted()).toEqual(versions.toSorted())
  })

  test("that are there take their writes while one is not, and the answer names the others", async () => {
    const ingest = await open()
    await lose(ingest, 1)
    const keys = keysOf(100)
    const { status, body } = await ingest.send(
      "/writes",
      keys.map((key) => ({ key, value: "v" })),
    )
    const lost = [...keys.keys()].filter((index) => shardOfKey(keys[index] ?? "") === 1)
    expect(status).toBe(503)
    expect(body).toMatchObject({
      ...{ type: "/problems/queue-unavailable", queued: lost[0] },
      unknown: 100 - lost.length - (lost[0] ?? 0),
      ...{ not_queued: runsOf(lost), not_known: [] },
    })
    expect(ingest.reported).toEqual([["shard 1 of 3: not connected: ECONNREFUSED", lost.length]])
    expect((await waiting(ingest)).map(({ length }) => length)[1]).toBe(0)
    expect((await waiting(ingest)).flat()).toHaveLength(100 - lost.length)
    expect(await ingest.health()).toEqual({
      ...{
        code: 200,
        status: "degraded",
        redis: "up",
        reason: "shard 1 of 3: not connected: ECONNREFUSED",
      },
    })
    await lose(ingest, 2)
    expect((await ingest.health()).reason).toBe("2 of 3 shards: not connected: ECONNREFUSED")
    await lose(ingest, 0)
    expect(await ingest.health()).toEqual({
      ...{ code: 503, status: "unhealthy", redis: "down" },
      reason: "3 of 3 shards: not connected: ECONNREFUSED",
    })
  })

  test("of which one has lost its reply leave only its writes unknown", async () => {
    const proxy = await startProxy(server().port)
    closing.push(proxy.stop)
    const ingest = await open({ url: `redis://127.0.0.1:${proxy.port}` })
    const keys = keysOf(100)
    const rows = keys.map((key) => ({ key, value: "v" }))
    const cut = proxy.trap(/\{write_queue:2\}:counters/, "cut")
    const { body } = await ingest.send("/writes", rows, { "idempotency-key": "k" })
    await cut
    const lost = [...keys.keys()].filter((index) => shardOfKey(keys[index] ?? "") === 2)
    expect(body).toMatchObject({
      ...{ type: "/problems/outcome-unknown", queued: lost[0] },
      ...{ not_queued: [], not_known: runsOf(lost) },
    })
    await expect.poll(async () => (await ingest.health()).status).toBe("healthy")
    const again = await ingest.send("/writes", rows, { "idempotency-key": "k" })
    expect(again.status).toBe(202)
    expect(
      (await waiting(ingest))
        .flat()
        .map(({ key }) => key)
        .toSorted(),
    ).toEqual(keys.toSorted())
  })

  test("tell each client that waits what became of its write, and wait for none of the others", async () => {
    const ingest = await open()
    const keys = keysOf(12)
    await Promise.all(
      ingest.shards.current().map(({ queue }) => queue.seed({ highest: 0, database: DATABASE })),
    )
    const answers = keys.map((key) => ingest.post(key, { prefer: "wait=10" }))
    await expect.poll(async () => (await waiting(ingest)).flat().length).toBe(12)
    await lose(ingest, 2)
    const settle = async ({ queue }: Shard) => {
      await queue.claim(CLAIM)
      await queue.acknowledge({ id: "1", closing: "Asked", coalesced: 0, letters: [] })
    }
    await Promise.all([settle(shard(ingest, 0)), settle(shard(ingest, 1))])
    const statuses = async (isLost: boolean) => {
      const some = answers.filter((_, index) => (shardOfKey(keys[index] ?? "") === 2) === isLost)
      return new Set((await Promise.all(some)).map(({ status }) => status))
    }
    expect(await statuses(false)).toEqual(new Set([200]))
    ingest.end()
    expect(await statuses(true)).toEqual(new Set([202]))
  })

  test("are not known when Redis is down at the start, and soon after it is back", async () => {
    await server().end("SIGKILL")
    const ingest = await open()
    expect((await ingest.post("a")).body.type).toBe("/problems/queue-unavailable")
    expect(await ingest.health()).toMatchObject({ code: 503, redis: "down" })
    await server().start()
    await expect.poll(async () => (await ingest.post("b")).status).toBe(202)
    expect(ingest.shards.current()).toHaveLength(SHARDS)
  })
})
