/** Statements that follow from declarations, on PostgreSQL: of every kind of column and both modes. */
import { Result } from "effect"
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { makeItem } from "../item.ts"
import { openDatabase, type Sql } from "../postgres/postgres.ts"
import { absent, CREATE, clicks, order, user } from "../testing/tables.ts"
import { rowOf } from "../testing/write.ts"
import { deletionOf, makeDecodeWrite } from "../write.ts"
import { writeOne } from "./baseline.ts"
import { sampleWrite } from "./sample.ts"
import { selectHighestVersion, selectIdentity, selectRows } from "./select.ts"
import { write } from "./statement.ts"
import type { Row, Table } from "./table.ts"

const postgres = usePostgres()
beforeAll(() => postgres().sql(CREATE))
beforeEach(() => postgres().sql('truncate "order", "user", clicks'))

const run = <A>(query: (sql: Sql) => Promise<A>) => postgres().run(query)
const store = (version: number, table: Table, row: Row) =>
  run((sql) => write(sql, table, [makeItem(version, rowOf(table, row))]))
const remove = (version: number, table: Table, key: unknown) => {
  const deletion = deletionOf(table, key)
  if (deletion === null) throw new Error("no key")
  return run((sql) => write(sql, table, [makeItem(version, deletion)]))
}
const read = async (table: Table, key: string) =>
  (await run((sql) => selectRows(sql, table, [key]))).get(key)?.row ?? undefined

/** What a client may send for each kind, at its bounds. */
const ACCEPTED: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  select: ["", "\u0001\n\\ \"quoted\" {NULL} 'é' 🙂 \u2028", "null", "x".repeat(100_000)],
  Select: [0, -0, 9_007_199_254_740_991, "9223372036854775807", "-9223372036854775808"],
  float: [0.1, -0, 5e-324, 1.7976931348623157e-300, 0.30000000000000004, 9_007_199_254_740_991],
  boolean: [true, false],
  uuid: ["00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"],
  timestamp: [
    ...["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"],
    ...["2026-03-29T02:30:00.000001+01:00", "2026-11-25T10:00:00Z", "1883-11-18T12:03:58.5-14:59"],
  ],
  json: [
    ...[0, -0, "", "null", true, [], {}, [null, { a: [[]], "": "\u0001" }], 5e-324],
    ...[1e-300, 0.1, 9_007_199_254_740_991, JSON.parse('{"__proto__":{"b":2,"a":1}}')],
    JSON.parse(`${"[".repeat(64)}${"]".repeat(64)}`),
  ],
}

/** Each accepted value in a row of its own, as ingest makes a write of it. */
const acceptedRows = () => {
  const decode = makeDecodeWrite(order, 1_000_000)
  const given = Object.entries(ACCEPTED).flatMap(([name, values]) =>
    values.map((value) => ({ [name]: value })),
  )
  return given.map((row, key) => {
    const decoded = decode({ ...row, key })
    return Result.getOrThrowWith(decoded, (flaws) => new Error(JSON.stringify(flaws)))
  })
}

/** JSON has one zero. */
const asJson = (row: Row): Row => JSON.parse(JSON.stringify(row))

const NULLS = Object.fromEntries(Object.keys(ACCEPTED).map((name) => [name, null]))

describe("a row", () => {
  test.each([
    ["as they are", []],
    [
      "at odds with ours",
      [
        ...["DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Kolkata'", "extra_float_digits = '-15'"],
        ...["IntervalStyle = iso_8601", "client_encoding = LATIN1", "bytea_output = escape"],
      ],
    ],
  ])(
    "is read as the JSON that was accepted, with the settings of the database %s",
    async (_, settings) => {
      const alter = (text: string) =>
        postgres().sql(`do $$ begin execute
        format('alter database %I ${text.replaceAll("'", "''")}', current_database()); end $$`)
      for (const setting of settings) await alter(`set ${setting}`)
      const database = openDatabase(postgres().url, {
        ...{ name: "test", maxConnections: 1, deadlineMillis: 10_000 },
      })
      onTestFinished(() => database.close())
      const writes = acceptedRows()
      const items = writes.map((each, version) => makeItem(version + 1, each))
      expect(await database.run((sql) => write(sql, order, items))).toBe(writes.length)
      const keys = writes.map(({ row }) => String(row.key))
      const found = await database.run((sql) => selectRows(sql, order, keys))
      await alter("reset all")
      for (const [index, { row }] of writes.entries()) {
        expect(found.get(String(row.key))?.row).toEqual({
          ...{ ...NULLS, ...asJson(row), version: index + 1 },
          updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        })
      }
    },
  )

  test("is found by its key, and by no other", async () => {
    await store(1, user, { id: "0b9c1d2e-3f4a-5b6c-7d8e-9fa0b1c2d3e4", name: "a" })
    const found = await read(user, "0b9c1d2e-3f4a-5b6c-7d8e-9fa0b1c2d3e4")
    expect(found).toEqual({ id: "0b9c1d2e-3f4a-5b6c-7d8e-9fa0b1c2d3e4", name: "a", version: 1 })
    expect(await read(user, "00000000-0000-0000-0000-000000000000")).toBeUndefined()
    for (const key of [7, "-9223372036854775808"]) {
      await store(1, order, { key, select: "a" })
      expect(await read(order, String(key))).toMatchObject({ key, select: "a", version: 1 })
    }
    expect((await run((sql) => selectRows(sql, order, ["7", "8", "7"]))).size).toBe(1)
    expect((await run((sql) => selectRows(sql, order, []))).size).toBe(0)
  })

  test("is replaced whole by a newer write: what that leaves out is null", async () => {
    await store(1, order, { key: 1, select: "a", Select: 2, json: {} })
    expect(await store(2, order, { key: 1, Select: 3 })).toBe(1)
    expect(await read(order, "1")).toMatchObject({ ...NULLS, Select: 3, version: 2 })
    expect(await store(2, order, { key: 1, Select: 4 })).toBe(0)
  })
})

describe("a deletion", () => {
  test("leaves a tombstone, which no reader sees and no older write undoes", async () => {
    await store(2, order, { key: 1, select: "a", json: [1] })
    expect(await remove(1, order, 1)).toBe(0)
    expect(await read(order, "1")).toMatchObject({ select: "a" })
    expect(await remove(3, order, "1")).toBe(1)
    expect(await read(order, "1")).toBeUndefined()
    expect(await store(2, order, { key: 1, select: "a" })).toBe(0)
    expect(await read(order, "1")).toBeUndefined()
    const [tombstone] = await postgres().sql(`
      select "select", "json", version, deleted_at = updated_at as is_told from "order"`)
    expect(tombstone).toEqual({ select: null, json: null, version: "3", is_told: true })
    expect(await run((sql) => selectHighestVersion(sql, [order]))).toBe(3)
    expect(await store(4, order, { key: 1, select: "b" })).toBe(1)
    expect(await read(order, "1")).toMatchObject({ select: "b", version: 4 })
  })

  test("of a row that never was leaves one too", async () => {
    expect(await remove(2, order, 7)).toBe(1)
    expect(await store(1, order, { key: 7 })).toBe(0)
    expect(await read(order, "7")).toBeUndefined()
  })
})

describe("an appended row", () => {
  test("is there for each write, also of an equal one, and once however often it is delivered", async () => {
    const row = { type: "a", payload: { n: 1 } }
    expect(await store(1, clicks, row)).toBe(1)
    expect(await store(2, clicks, row)).toBe(1)
    expect(await store(1, clicks, { ...row, type: "b" })).toBe(0)
    expect(await read(clicks, "1")).toEqual({ ...row, version: 1 })
    expect(await read(clicks, "2")).toEqual({ ...row, version: 2 })
    expect(await run((sql) => selectHighestVersion(sql, [clicks]))).toBe(2)
  })
})

describe("what a queue must know", () => {
  test("is the highest version of all tables that are there", async () => {
    const highest = (...tables: ReadonlyArray<Table>) =>
      run((sql) => selectHighestVersion(sql, tables))
    expect(await highest(absent, order, user, clicks)).toBe(0)
    await store(9_007_199_254_740_991, user, sampleWrite(user, 1).row)
    await store(7, clicks, { type: "a" })
    expect(await highest(absent, order, user, clicks)).toBe(9_007_199_254_740_991)
    expect(await highest(clicks)).toBe(7)
  })

  test("is the schema of the first table that is there, or of one that would be made", async () => {
    const elsewhere = openDatabase(`${postgres().url}?schema=elsewhere`, {
      ...{ name: "test", maxConnections: 1, deadlineMillis: 10_000 },
    })
    onTestFinished(() => elsewhere.close())
    const schemaIn = async ({ run }: Pick<typeof elsewhere, "run">, ...tables: Table[]) =>
      (await run((sql) => selectIdentity(sql, tables))).split("/").at(-1)
    await postgres().sql("create schema elsewhere; alter table clicks set schema elsewhere")
    expect(await schemaIn(postgres(), absent, clicks, order)).toBe("public")
    expect(await schemaIn(elsewhere, absent, order, clicks)).toBe("elsewhere")
    expect(await schemaIn(postgres(), absent)).toBe("public")
    expect(await schemaIn(elsewhere, absent)).toBe("elsewhere")
    await postgres().sql("alter table elsewhere.clicks set schema public; drop schema elsewhere")
  })
})

describe("one write at a time", () => {
  test("stores what a batch would, of every kind, and counts the versions of a row", async () => {
    for (const { row } of acceptedRows()) {
      for (let i = 0; i < 2; i++) await run((sql) => writeOne(sql, order, row))
      expect(await read(order, String(row.key))).toMatchObject({
        ...{ ...NULLS, ...asJson(row), version: 2 },
      })
    }
    const event = { type: "a", payload: [1] }
    for (const version of [5, 6, 6]) await run((sql) => writeOne(sql, clicks, event, version))
    expect(await read(clicks, "6")).toEqual({ ...event, version: 6 })
    expect(await postgres().sql("select from clicks")).toHaveLength(2)
  })
})
