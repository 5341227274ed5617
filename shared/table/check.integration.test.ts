import { describe, expect, test } from "vitest"
import { TABLES } from "../tables.ts"
import { DECLARED, useTables } from "../testing/check.ts"
import { json, text } from "./column.ts"
import { createTable } from "./create.ts"
import { append, declareTables, type Table, upsert } from "./table.ts"

const { views_in_tests, clicks, readings, names, numbers } = DECLARED
const { postgres, execute, check, sentencesOf, use, mend } = useTables()

describe("a table as it is declared", () => {
  test.each(Object.values<Table>(TABLES))(
    "has no findings: $name, as the migrations make it",
    async (table) => {
      for (const purpose of ["write", "read", "migrate"] as const) {
        expect(await check(table, purpose)).toEqual([])
      }
    },
  )

  test.each(Object.values<Table>(DECLARED))(
    "has none when it is made by its finding: $name",
    async (table) => {
      expect(await check(table)).toEqual([
        { sentence: "the table is missing (SQLSTATE 42P01)", sql: createTable(table) },
      ])
      await mend(table)
    },
  )

  test("has none when nobody declared what it has besides", async () => {
    await execute(
      createTable(views_in_tests),
      "create table visitors (id bigint primary key)",
      `alter table views_in_tests
        add column country text, add column noted_at timestamptz not null default now(),
        add column number bigint generated always as identity, add column serial bigserial,
        add column length int not null generated always as (length(url)) stored,
        add column visitor bigint references visitors, add check (url <> ''), alter column url drop not null`,
      "create index on views_in_tests (url)",
      `create function note() returns trigger language plpgsql as
        $$ begin new.country := 'x'; return new; end $$`,
      "create trigger note before insert on views_in_tests for each row execute function note()",
    )
    expect(await check(views_in_tests)).toEqual([])
    await use(views_in_tests)
    await execute("drop table views_in_tests, visitors", "drop function note")
  })

  test("has none when a trigger fills what no write has", async () => {
    await execute(
      createTable(clicks),
      "alter table clicks add column tenant int not null",
      `create function fill() returns trigger language plpgsql as
        $$ begin new.tenant := 1; return new; end $$`,
      "create trigger fill before insert on clicks for each row execute function fill()",
    )
    expect(await check(clicks)).toEqual([])
    await use(clicks)
    await execute("drop function fill cascade")
    expect(await sentencesOf(clicks)).toHaveLength(1)
  })

  test.each([
    "url varchar(200)",
    "url varchar",
    "url citext",
    "referrer varchar",
    "score numeric",
    "extra json",
    "visited_at timestamptz(3)",
    "url email",
    "duration_ms bigint default 0",
  ])("has none with another type that holds all: %s", async (column) => {
    await execute(
      createTable(views_in_tests),
      `alter table views_in_tests drop column ${column.split(" ")[0]}, add column ${column}`,
    )
    expect(await check(views_in_tests)).toEqual([])
    await use(views_in_tests)
  })

  test.each(["smallint", "integer", "bigint"])(
    "has none with %s within its bounds",
    async (type) => {
      await execute(createTable(numbers), `alter table numbers alter column number type ${type}`)
      expect(await check(numbers)).toEqual([])
      await use(numbers)
    },
  )

  test("has none with partitions, by hash of the key or by range", async () => {
    await execute(
      `create table names (
        name text collate "C" primary key, rank bigint, version bigint not null
      ) partition by hash (name)`,
      "create table names_0 partition of names for values with (modulus 2, remainder 0)",
      "create table names_1 partition of names for values with (modulus 2, remainder 1)",
      `create table readings (
        version bigint, kind text, at timestamptz, primary key (at, version)
      ) partition by range (at)`,
      "create table readings_2026 partition of readings for values from ('2026-01-01') to ('2027-01-01')",
    )
    for (const table of [names, readings]) {
      expect(await check(table)).toEqual([])
      await use(table)
    }
  })
})

describe("a table that no statement mends", () => {
  test("is partitioned by what is not in its key", async () => {
    await execute(
      "create table names (name text not null, rank bigint, version bigint not null) partition by hash (rank)",
      `create table clicks (version bigint, kind text, at timestamptz, primary key (version, at))
        partition by range (at)`,
    )
    expect(await check(names)).toEqual([
      { sentence: "it is partitioned by rank: it has to be by name", sql: "" },
    ])
    expect(await check(clicks)).toEqual([
      { sentence: 'it is partitioned by at: declare partitionedBy: ["at"]', sql: "" },
    ])
    await execute("drop table names", "drop table clicks")
    await execute(
      "create table clicks (version bigint, kind text, at timestamptz) partition by range (lower(kind))",
    )
    expect(await sentencesOf(clicks)).toEqual([
      "it is partitioned by an expression: it has to be by version",
    ])
  })

  test("is a view, which can be read alone; or an index", async () => {
    await execute(
      createTable(clicks).replaceAll("clicks", "clicks_kept"),
      "create view clicks as select * from clicks_kept",
    )
    expect(await check(clicks)).toEqual([{ sentence: "it is a view, not a table", sql: "" }])
    expect(await check(clicks, "read")).toEqual([])
    await execute(
      "drop table clicks_kept cascade",
      "create table a (b int)",
      "create index clicks on a (b)",
    )
    expect(await sentencesOf(clicks, "read")).toEqual(["it is an index, not a table"])
    await execute("drop table a")
  })
})

test("a table of a schema that is not searched is missing, and said to be there", async () => {
  await execute("create schema apart", "create table apart.clicks (version bigint)")
  expect(await sentencesOf(clicks)).toEqual([
    "the table is missing (SQLSTATE 42P01); schema=apart in DATABASE_URL would find one",
  ])
  await execute("drop schema apart cascade")
})

test("a name is taken as it is, and the catalog's own are no table of ours", async () => {
  const { Select, order } = declareTables({
    Select: upsert({ key: "Key", columns: { Key: text(), user: json() } }),
    order: append({ columns: { table: text() } }),
  })
  for (const table of [Select, order]) {
    expect(await sentencesOf(table)).toEqual(["the table is missing (SQLSTATE 42P01)"])
    await mend(table)
    await execute(`drop table "${table.name}"`)
  }
})

test("it is asked of a table that is locked", async () => {
  await execute(createTable(clicks))
  const unlock = await postgres().lock("lock table clicks")
  expect(await check(clicks)).toEqual([])
  await unlock()
})
