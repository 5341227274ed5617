import { beforeAll, beforeEach, describe, expect, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { makeItem } from "../item.ts"
import { CREATE, clicks, order, user } from "../testing/tables.ts"
import { deletionOf } from "../write.ts"
import { rehearse } from "./rehearse.ts"
import { sampleWrite } from "./sample.ts"
import { write } from "./statement.ts"
import type { Table } from "./table.ts"

const EVERY: ReadonlyArray<Table> = [order, user, clicks]

const postgres = usePostgres()
beforeAll(() => postgres().sql(CREATE))
beforeEach(() => postgres().sql('truncate "order", "user", clicks'))

const store = (version: number, table: Table, each = sampleWrite(table, version)) =>
  postgres().run((sql) => write(sql, table, [makeItem(version, each)]))

describe("a rehearsal", () => {
  const rows = (table: Table) => postgres().sql(`select * from "${table.name}" order by version`)
  const trying = (table: Table, preferred: string) =>
    postgres().run((sql) => rehearse(sql, table, preferred))

  test("needs a row that is no tombstone, and leaves the table of any mode as it is", async () => {
    for (const table of EVERY) {
      expect(await trying(table, "")).toBe(false)
    }
    const deletion = deletionOf(order, 1)
    if (deletion) await store(1, order, deletion)
    expect(await trying(order, "1")).toBe(false)
    for (const table of EVERY) {
      for (const number of [2, 3]) await store(number, table)
      const before = await rows(table)
      for (const preferred of ["", String(sampleWrite(table, 3).row[table.key[0] ?? ""] ?? 3)]) {
        expect(await trying(table, preferred)).toBe(true)
      }
      expect(await rows(table)).toEqual(before)
    }
  })

  test("fails as a write would, where rows cannot be removed either", async () => {
    for (const table of EVERY) {
      await store(2, table)
      const name = `"${table.name}"`
      await postgres().sql(`
        create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'no'; end $$;
        create trigger refuse before insert or delete on ${name}
        for each row execute function refuse()`)
      await expect(trying(table, "")).rejects.toMatchObject({ code: "P0001" })
      await postgres().sql("drop function refuse() cascade")
      expect(await trying(table, "")).toBe(true)
    }
  })
})
