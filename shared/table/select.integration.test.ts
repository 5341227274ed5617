import { beforeEach, expect, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { DEFAULT_TABLE, type Item, makeItem } from "../item.ts"
import { TABLES } from "../tables.ts"
import { itemOf, rowOf } from "../testing/write.ts"
import { deletionOf } from "../write.ts"
import { truncate } from "./baseline.ts"
import { selectRows } from "./select.ts"
import { write } from "./statement.ts"
import type { Table } from "./table.ts"

const postgres = usePostgres()

const store = (table: Table, item: Item) => postgres().run((sql) => write(sql, table, [item]))

const remove = (version: number, key: string) => {
  const deletion = deletionOf(DEFAULT_TABLE, key)
  if (!deletion) throw new Error("no key")
  return store(DEFAULT_TABLE, makeItem(version, deletion))
}

const select = (table: Table, ...keys: ReadonlyArray<string>) =>
  postgres().run((sql) => selectRows(sql, table, keys))

beforeEach(async () => {
  await postgres().run((sql) => truncate(sql, DEFAULT_TABLE))
})

test("a row is under its key, with its version beside it, and a key without one is not there", async () => {
  await store(DEFAULT_TABLE, itemOf(5, "a", "v"))
  const found = await select(DEFAULT_TABLE, "a", "b", "a")
  const row = { key: "a", value: "v", version: 5, updated_at: expect.any(String) }
  expect([...found]).toEqual([["a", { version: 5, row }]])
})

test("a row that was deleted has the version of its deletion, until it is written again", async () => {
  await store(DEFAULT_TABLE, itemOf(5, "a"))
  await remove(6, "a")
  await remove(7, "never there")
  const found = await select(DEFAULT_TABLE, "a", "never there")
  expect(found.get("a")).toEqual({ version: 6, row: null })
  expect(found.get("never there")).toEqual({ version: 7, row: null })
  await store(DEFAULT_TABLE, itemOf(8, "a", "again"))
  expect((await select(DEFAULT_TABLE, "a")).get("a")).toMatchObject({
    ...{ version: 8, row: { value: "again", version: 8 } },
  })
})

test("rows of a table without deletions are found by their versions", async () => {
  const event = { type: "click", payload: { x: [1] }, at: "2026-11-25T10:00:00.000Z" }
  await store(TABLES.events, makeItem(17, rowOf(TABLES.events, event)))
  const found = await select(TABLES.events, "17", "18")
  expect([...found]).toEqual([["17", { version: 17, row: { ...event, version: 17 } }]])
})
