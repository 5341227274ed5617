/** Declared tables, and a database in which tests make them, break them and check them. */
import { afterEach, beforeAll, expect } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { makeItem } from "../item.ts"
import { checkTables, type Purpose } from "../table/check.ts"
import { boolean, integer, json, nullable, number, text, timestamp, uuid } from "../table/column.ts"
import { sampleWrite } from "../table/sample.ts"
import { selectRows } from "../table/select.ts"
import { write } from "../table/statement.ts"
import { append, declareTables, keyColumn, type Table, upsert } from "../table/table.ts"

const columns = {
  id: uuid(),
  url: text({ maxBytes: 200 }),
  visited_at: timestamp(),
  referrer: nullable(text()),
  duration_ms: nullable(integer()),
  score: nullable(number()),
  seen: nullable(boolean()),
  extra: nullable(json()),
}

export const DECLARED = declareTables({
  views_in_tests: upsert({ key: "id", columns, updatedAt: true }),
  visits: upsert({ key: "id", columns, deletes: true }),
  clicks: append({ columns: { kind: text(), at: timestamp() } }),
  readings: append({ columns: { kind: text(), at: timestamp() }, partitionedBy: ["at"] }),
  names: upsert({ key: "name", columns: { name: text(), rank: nullable(integer()) } }),
  numbers: upsert({ key: "number", columns: { number: integer({ min: 0, max: 9 }), a: text() } }),
})

const EXTRAS = [
  "create extension citext",
  "create domain email as varchar(200) check (value <> '')",
  "create domain required as text not null",
  "create collation blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
]

/** The database of a file of tests; the declared tables are gone after each. */
export const useTables = () => {
  const postgres = usePostgres()
  const execute = async (...statements: ReadonlyArray<string>) => {
    for (const statement of statements) await postgres().sql(statement)
  }
  beforeAll(() => execute(...EXTRAS))
  afterEach(() =>
    execute(...Object.keys(DECLARED).map((name) => `drop table if exists ${name} cascade`)),
  )

  const check = async (table: Table, purpose: Purpose = "write") => {
    const [findings = []] = await postgres().run((sql) => checkTables(sql, [table], purpose))
    return findings
  }
  const sentencesOf = async (table: Table, purpose?: Purpose) =>
    (await check(table, purpose)).map(({ sentence }) => sentence)

  let version = 1_795_000_000_000_000
  /** Proves it: rows are stored, one is replaced, and found. */
  const use = async (table: Table) => {
    const item = (number: number) => {
      version += 1
      return makeItem(version, sampleWrite(table, number))
    }
    await postgres().run(async (sql) => {
      const first = item(1)
      expect(await write(sql, table, [first, item(2)])).toBe(2)
      expect(await write(sql, table, [item(1)])).toBe(1)
      const key = String(first.write.row[keyColumn(table) ?? ""] ?? first.version)
      expect((await selectRows(sql, table, [key])).size).toBe(1)
    })
  }

  /** The SQL of the findings, in their order, leaves nothing to find. */
  const mend = async (table: Table) => {
    await execute(...(await check(table)).map(({ sql }) => sql))
    expect(await check(table)).toEqual([])
    await use(table)
  }
  return { postgres, execute, check, sentencesOf, use, mend }
}
