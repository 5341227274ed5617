/** The number of shards changes while clients write. */
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { openShards, type Shards } from "../../shared/queue/open-shards.ts"
import { changeShards } from "../../shared/queue/reshard.ts"
import { REDIS_KINDS, useRedis } from "../testing/redis.ts"
import { until } from "../testing/until.ts"
import { openIngest } from "./testing/ingest.ts"

const DATABASE = "1/write_buffer/public"
const WRITERS = 8
const KEYS = 20

describe.each(REDIS_KINDS)("a change of the shards of a %s Redis", (kind) => {
  const server = useRedis(kind, { own: true })
  let operator: Shards
  const ingests: Array<Awaited<ReturnType<typeof openIngest>>> = []

  beforeEach(async () => {
    await server().connection.flushall()
    const { url } = server()
    operator = await openShards({ url, queue: "write_queue", program: "test", first: 1 })
    const limits = { url, maxDepth: 1_000_000 }
    ingests.push(await openIngest(limits), await openIngest(limits))
  })
  afterEach(() => {
    operator.close()
    for (const ingest of ingests.splice(0)) ingest.close()
  })

  test("loses no write that was accepted, and no order of a key, whichever ingest took it", async () => {
    const accepted: Array<readonly [key: string, version: number]> = []
    const refused = new Set<string>()
    let isOver = false
    const write = async (writer: number) => {
      for (let number = 0; !isOver; number += 1) {
        const key = `${writer}/${number % KEYS}`
        const { status, body } = (await ingests[number % 2]?.post(key)) ?? { status: 0 }
        if (status === 202) accepted.push([key, body.version])
        else refused.add(`${status} ${body.type}`)
      }
    }
    const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer))
    await until("there are writes", async () => accepted.length > 0)
    for (const to of [3, 6, 2, 1, 4]) {
      await Promise.all(
        operator.every().map(({ queue }) => queue.seed({ highest: 0, database: DATABASE })),
      )
      await changeShards(operator, to)
      const before = accepted.length
      await until("writes are taken again", async () => accepted.length > before + 50)
      for (const { shards } of ingests) expect(shards.current()).toHaveLength(to)
    }
    isOver = true
    await Promise.all(writers)

    expect([...refused].filter((one) => one !== "503 /problems/queue-unavailable")).toEqual([])
    const lists = operator.every().map(({ name }) => server().connection.lrange(name, 0, -1))
    const stored = (await Promise.all(lists)).flat().map((item) => JSON.parse(item))
    const found = stored.map(({ key, version }) => `${key} ${version}`).toSorted()
    expect(found).toEqual(accepted.map(([key, version]) => `${key} ${version}`).toSorted())
    expect(new Set(accepted.map(([, version]) => version)).size).toBe(accepted.length)
    const newest = new Map<string, number>()
    for (const [key, version] of accepted) {
      expect(version).toBeGreaterThan(newest.get(key) ?? 0)
      newest.set(key, version)
    }
  })

  test("is followed at once by who is refused because of it", async () => {
    const [ingest] = ingests
    await ingest?.post("a")
    await operator.home.queue.seed({ highest: 0, database: DATABASE })
    await changeShards(operator, 3)
    const { body } = (await ingest?.post("b")) ?? {}
    expect(body.type).toBe("/problems/queue-unavailable")
    expect(ingest?.reported).toEqual([["LAYOUT", 1]])
    await until("the layout is known", async () => ingest?.shards.current().length === 3, 500)
    expect((await ingest?.post("b"))?.status).toBe(202)
  })
})
