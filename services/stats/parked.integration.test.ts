/** What a whole stack says of parked writes: while only a newer build knows them, and while a table is gone. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { encodeWrite } from "../../shared/item.ts"
import { openQueue } from "../../shared/queue/queue.ts"
import { TABLES } from "../../shared/tables.ts"
import { keyValue, rowOf } from "../../shared/testing/write.ts"
import { holdToContract } from "../testing/contract.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { type Stack, startStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

const CANARY = "canary"
const ROW = { type: CANARY, payload: {}, at: "2026-11-22T00:00:00.000Z" }
const EVENT = encodeWrite(rowOf(TABLES.events, ROW))

describe("parked writes of a whole stack", () => {
  let stack: Stack
  const lines: string[] = []

  beforeAll(async () => {
    const onLine = (line: string) => lines.push(line)
    stack = await startStack({ redis: REDIS_KINDS[0], onLine })
    holdToContract(stack.urls)
  })
  afterAll(() => stack?.stop())

  const get = async (path: string) => await (await fetch(`${stack.urls.stats}${path}`)).text()
  const stats = async () => JSON.parse(await get("/stats"))
  const enqueue = (...writes: ReadonlyArray<string>) =>
    openQueue(stack.redis.connection, stack.keys.waiting).enqueue({
      ...{ most: 1_000, isFirst: false, writes },
    })
  const isParked = (lots: Readonly<Record<string, number>>) =>
    until(`these are parked: ${JSON.stringify(lots)}`, async () => {
      const { parked } = await stats()
      return JSON.stringify(parked) === JSON.stringify(lots)
    })
  const rows = async (table: string) =>
    (await stack.postgres.sql(`select version from ${table}`)).length

  test("say which table or column no worker knows, while others flow", async () => {
    const newer = encodeWrite(rowOf(TABLES.events, { ...ROW, note: CANARY }))
    const unknown = `{"table":"views_in_tests","row":{"${CANARY}":1}}`
    await enqueue(newer, unknown, unknown, EVENT, encodeWrite(keyValue(CANARY)))
    await isParked({ "events.note": 1, views_in_tests: 2 })
    await until("others are stored", async () => (await stats()).writes_processed === 2)
    const health = JSON.parse(await get("/health"))
    expect(health).toMatchObject({ status: "degraded", queue_depth: 3 })
    expect(health.held).toBeUndefined()
    expect(health.warnings).toEqual(
      expect.arrayContaining([
        "2 writes of views_in_tests wait for a worker that knows the table views_in_tests.",
        "1 write of events waits for a worker that knows the column note.",
      ]),
    )
  })

  test("say how many a held table has set aside, which go back after the repair", async () => {
    await stack.postgres.sql("alter table events rename to hidden")
    await enqueue(EVENT, EVENT, encodeWrite(keyValue("k")))
    await isParked({ events: 2, "events.note": 1, views_in_tests: 2 })
    const health = JSON.parse(await get("/health"))
    expect(health.held).toEqual([expect.stringMatching(/^events: The table is missing/)])
    expect(health.warnings).toContain(
      "2 writes of events are set aside until the table can be written.",
    )
    expect(await get("/metrics")).toContain('write_buffer_parked_writes{lot="events"} 2\n')
    await stack.postgres.sql("alter table hidden rename to events")
    await isParked({ "events.note": 1, views_in_tests: 2 })
    await until("they are stored", async () => (await rows("events")) === 3)
    await until("nothing is held", async () => (await stats()).held.length === 0)
    expect(await get("/metrics")).not.toContain('lot="events"}')
  })

  test("are named by table and column, and nothing that is in them is said", async () => {
    for (const path of ["/stats", "/health", "/metrics"]) {
      expect(await get(path)).not.toContain(CANARY)
    }
    expect(lines.filter((line) => line.includes(CANARY))).toEqual([])
  })
})
