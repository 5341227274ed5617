/** Writes of any table, and deletions, as operators meet them over HTTP: those that wait, and those that have died. */
import { Result } from "effect"
import { beforeEach, describe, expect, test } from "vitest"
import { decodeItem, encodeDeadLetter, encodeWrite, makeItem } from "../../../shared/item.ts"
import { TABLES } from "../../../shared/tables.ts"
import { keyValue, rowOf } from "../../../shared/testing/write.ts"
import type { Write } from "../../../shared/write.ts"
import { REDIS_KINDS } from "../../testing/redis.ts"
import { useOperations } from "../testing/operations.ts"

const AT = "2026-11-22T00:00:00.000Z"
const ROW = { type: "click", payload: { n: 1 }, at: "2026-11-22T00:00:00.000Z" }
const event = (): Write => rowOf(TABLES.events, ROW)
const deletion = (key: string): Write => ({
  table: TABLES.key_values,
  row: { key },
  isDelete: true,
})

describe.each(REDIS_KINDS)("writes of any table on a %s Redis", (kind) => {
  const { redis, handle, send, enqueue, balanced } = useOperations(kind)

  describe("that wait", () => {
    test("are shown with their table: rows, deletions, and what is none", async () => {
      const first = await enqueue(...[keyValue("k"), event(), deletion("gone")].map(encodeWrite))
      await redis().lpush(handle().keys.waiting, "junk")
      const { queue, parked } = await send("/queue")
      expect(queue).toEqual([
        { version: first, table: "key_values", key: "k", value: "v" },
        { version: first + 1, table: "events", key: null, value: JSON.stringify(ROW) },
        { version: first + 2, table: "key_values", key: "gone", value: "", deleted: true },
        { version: null, unreadable: "junk" },
      ])
      expect(parked).toEqual({})
    })

    test("are shown when only a newer build knows their table or column", async () => {
      const newer = [
        '{"table":"views_in_tests","row":{"url":"/"}}',
        '{"table":"views_in_tests","delete":7}',
        '{"table":"events","row":{"type":"a","note":"b"}}',
        '{"key":"k","value":"v","note":"b"}',
      ]
      const first = await enqueue(...newer)
      expect((await send("/queue")).queue).toEqual([
        { version: first, table: "views_in_tests", key: null, value: '{"url":"/"}' },
        { version: first + 1, table: "views_in_tests", key: "7", value: "", deleted: true },
        { version: first + 2, table: "events", key: null, value: '{"type":"a","note":"b"}' },
        { version: first + 3, table: "key_values", key: "k", value: newer[3] },
      ])
    })
  })

  describe("that have died", () => {
    /** As they stand in Redis since before there were tables. */
    const old = { version: 1, key: "k", value: "v", reason: "old", sqlstate: "23514", at: AT }
    const oldPush = { ...old, version: 2, key: null, value: "junk" }
    const bury = async () => {
      const writes = [event(), deletion("gone"), keyValue("k2")]
      const letters = writes.map((write, at) =>
        encodeDeadLetter(makeItem(at + 3, write), "new", null, AT),
      )
      for (const letter of [old, oldPush]) letters.unshift(JSON.stringify(letter))
      await redis().lpush(handle().keys.dead, ...letters)
      await redis().hset(handle().keys.counters, { queued: 5, failed: 5, version: 9 })
    }
    const dead = async (query = "") => (await send(`/dead${query}`)).dead
    const versions = async (query: string) =>
      (await dead(query)).map(({ version }: { version: number }) => version).sort()
    const waiting = async () => (await redis().lrange(handle().keys.waiting, 0, -1)).reverse()

    beforeEach(bury)

    test("are shown with their table, also those of before there were tables", async () => {
      const rest = { reason: "new", sqlstate: null, at: AT }
      expect(await dead()).toEqual([
        { ...oldPush, table: null },
        { ...old, table: "key_values" },
        { version: 3, table: "events", key: null, value: JSON.stringify(ROW), ...rest },
        { version: 4, table: "key_values", key: "gone", value: "", deleted: true, ...rest },
        { version: 5, table: "key_values", key: "k2", value: "v", ...rest },
      ])
    })

    test("are found by their table, beside reason and key", async () => {
      expect(await versions("?table=key_values")).toEqual([1, 4, 5])
      expect(await versions("?table=events&key=&reason=")).toEqual([3])
      expect(await versions("?table=key_value")).toEqual([])
      expect(await versions("?table=key_values&key=k&reason=new")).toEqual([5])
      expect(await versions("?table=")).toHaveLength(5)
      expect((await send("/dead/reasons?table=key_values")).reasons).toEqual([
        { reason: "new", writes: 2 },
        { reason: "old", writes: 1 },
      ])
    })

    test("go back as the writes that they were", async () => {
      expect(await send("/dead/replay", "POST", { all: true })).toMatchObject({ replayed: 5 })
      const items = await waiting()
      const read = items.map((text) => Result.getOrElse(decodeItem(text), () => text))
      expect(
        read.sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)),
      ).toEqual([
        "junk",
        ...[keyValue("k"), event(), deletion("gone"), keyValue("k2")].map((write, at) =>
          makeItem(at === 0 ? 1 : at + 2, write),
        ),
      ])
      await balanced()
    })

    test("go back and are discarded by their table alone, and by their version", async () => {
      const ofEvents = { all: true, table: "events" }
      expect(await send("/dead/replay", "POST", ofEvents)).toMatchObject({ replayed: 1 })
      expect(await waiting()).toEqual([
        `{"version":3,"table":"events","row":${JSON.stringify(ROW)}}`,
      ])
      const some = { all: true, table: "key_values", reason: "new", key: "go" }
      expect(await send("/dead", "DELETE", some)).toMatchObject({ discarded: 1, next: null })
      expect(await versions("")).toEqual([1, 2, 5])
      const named = { versions: [1, 2, 4] }
      expect(await send("/dead", "DELETE", named)).toMatchObject({ discarded: 2, missing: [4] })
      expect(await balanced()).toMatchObject({ writes_discarded: 3, dead_letters: 1 })
    })

    test("are not touched when the table is no text, or what narrows is misspelt", async () => {
      for (const wrong of [{ table: 1 }, { tabel: "events" }, { table: null }]) {
        const refused = await send("/dead", "DELETE", { all: true, ...wrong })
        expect(refused).toMatchObject({ status: 422, type: "/problems/invalid-request" })
        expect(refused.detail).toContain("table")
      }
      expect(await versions("")).toHaveLength(5)
    })
  })
})
