import { randomUUID } from "node:crypto"
import { describe, expect, test } from "vitest"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { sampleWrite } from "../../shared/table/sample.ts"
import { useRedis } from "../testing/redis.ts"
import { sendAll } from "./many.ts"
import type { Outcome } from "./outcome.ts"
import { makePut } from "./queue.ts"
import { shardOn } from "./testing/shards.ts"

const server = useRedis("native")

const writes = (count: number, bytes = 10) =>
  Array.from({ length: count }, (_, index) =>
    sampleWrite(DEFAULT_TABLE, index, `key ${index}`, bytes),
  )

const NOTHING = { waitMillis: 0, key: null, isVerbose: false }

const open = (maxDepth = 100_000) => {
  const { connection } = server()
  const shards = shardOn(connection, `many-${randomUUID()}`)
  const { queue } = shards
  const put = makePut(shards, { maxDepth, onceSeconds: 60 }, () => {})
  const keys = async () =>
    (await connection.lrange(queue.keys.waiting, 0, -1))
      .reverse()
      .map((item) => JSON.parse(item).key)
  return { put, queue, connection, keys }
}

const versionsOf = (outcomes: ReadonlyArray<Outcome>) =>
  outcomes.flatMap((outcome) => ("version" in outcome ? [outcome.version] : []))

describe("many writes of one call", () => {
  test("are queued in their order, beside others", async () => {
    const { put, keys } = open()
    const [outcomes] = await Promise.all([
      sendAll(put, writes(2_500), NOTHING),
      put(sampleWrite(DEFAULT_TABLE, 1, "other")),
    ])
    const versions = versionsOf(outcomes)
    expect(versions).toHaveLength(2_500)
    expect(versions).toEqual(versions.toSorted((one, other) => one - other))
    expect((await keys()).filter((key) => key !== "other")).toEqual(
      writes(2_500).map(({ row }) => row.key),
    )
  })

  test("end with the part that did not fit, of which the first ones are queued", async () => {
    const { put, keys } = open(1_500)
    const outcomes = await sendAll(put, writes(3_000), NOTHING)
    expect(outcomes).toHaveLength(2_000)
    expect(versionsOf(outcomes)).toHaveLength(1_500)
    expect(outcomes.slice(0, 1_500).every((outcome) => "version" in outcome)).toBe(true)
    expect(await keys()).toHaveLength(1_500)
  })

  test("with a key go on where they ended when they are repeated", async () => {
    const { put, connection, queue, keys } = open(1_500)
    const asked = { ...NOTHING, key: "k" }
    const first = await sendAll(put, writes(2_000), asked)
    await connection.ltrim(queue.keys.waiting, 0, 99)
    const again = await sendAll(put, writes(2_000), asked)
    expect(versionsOf(again)).toHaveLength(2_000)
    expect(versionsOf(again).slice(0, 1_500)).toEqual(versionsOf(first))
    expect(new Set(await keys()).size).toBe(600)
  })

  test.each([
    ["a longer call", writes(5)],
    ["a shorter call", writes(2)],
    ["other rows", writes(3, 20)],
  ])("with the key of another call are all refused: %s", async (_, others) => {
    const { put, keys } = open()
    const asked = { ...NOTHING, key: "k" }
    await sendAll(put, writes(3), asked)
    const outcomes = await sendAll(put, others, asked)
    expect(outcomes).toEqual(others.map(() => ({ refused: "idempotency-conflict" })))
    expect(await keys()).toHaveLength(3)
  })
})
