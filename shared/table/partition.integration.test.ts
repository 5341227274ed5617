/** A table that an administrator has divided by the hash of its key, with a trigger of their own on it. */
import { beforeAll, expect, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { makeItem } from "../item.ts"
import { rowOf } from "../testing/write.ts"
import { checkTables } from "./check.ts"
import { text } from "./column.ts"
import { selectHighestVersion, selectRows } from "./select.ts"
import { write } from "./statement.ts"
import { declareTables, upsert } from "./table.ts"

const ROWS = 320

const { partitioned_in_tests: partitioned } = declareTables({
  partitioned_in_tests: upsert({ key: "key", columns: { key: text(), value: text() } }),
})

const CREATE = [
  `create table partitioned_in_tests (key text primary key, value text not null, version bigint not null)
    partition by hash (key)`,
  ...[0, 1, 2, 3].map(
    (part) => `create table part_${part} partition of partitioned_in_tests
      for values with (modulus 4, remainder ${part})`,
  ),
  "create table changes_in_tests (key text)",
  `create function note() returns trigger language plpgsql as
    $$ begin insert into changes_in_tests values (new.key); return null; end $$`,
  `create trigger note after insert or update on partitioned_in_tests
    for each row execute function note()`,
]

const postgres = usePostgres()
beforeAll(async () => {
  for (const statement of CREATE) await postgres().sql(statement)
})

const store = (version: number, value: string) => {
  const items = Array.from({ length: ROWS }, (_, at) =>
    makeItem(version + at, rowOf(partitioned, { key: `key ${at}`, value })),
  )
  return postgres().run((sql) => write(sql, partitioned, items))
}
const seen = async () => {
  const [one] = await postgres().sql<{ rows: string; parts: string; changes: string }>(`
    select count(*) as rows, count(distinct tableoid) as parts,
      (select count(*) from changes_in_tests) as changes from partitioned_in_tests`)
  return { rows: Number(one?.rows), parts: Number(one?.parts), changes: Number(one?.changes) }
}

test("takes rows as any other, and its trigger hears of each change once", async () => {
  const [findings] = await postgres().run((sql) => checkTables(sql, [partitioned], "write"))
  expect(findings).toEqual([])
  expect(await store(1_000, "new")).toBe(ROWS)
  expect(await seen()).toEqual({ rows: ROWS, parts: 4, changes: ROWS })
  expect(await store(1_000, "again")).toBe(0)
  expect(await store(500, "late")).toBe(0)
  expect(await seen()).toEqual({ rows: ROWS, parts: 4, changes: ROWS })
  expect(await store(2_000, "newer")).toBe(ROWS)
  expect(await seen()).toEqual({ rows: ROWS, parts: 4, changes: 2 * ROWS })
  const rows = await postgres().run((sql) => selectRows(sql, partitioned, ["key 7"]))
  expect(rows.get("key 7")).toMatchObject({ version: 2_007, row: { value: "newer" } })
  const highest = await postgres().run((sql) => selectHighestVersion(sql, [partitioned]))
  expect(highest).toBe(2_000 + ROWS - 1)
})
