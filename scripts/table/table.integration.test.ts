import { execFile } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { describe, expect, test } from "vitest"
import * as kinds from "../../shared/table/column.ts"
import { append, declareTables, type Table, upsert } from "../../shared/table/table.ts"
import { TABLES } from "../../shared/tables.ts"
import { DECLARED, useTables } from "../../shared/testing/check.ts"
import { declarationOf } from "./declaration.ts"
import { declarationFrom } from "./from-postgres.ts"
import { lackOf, migrationOf, writeMigration } from "./migration.ts"

/** Those of a database that was migrated. */
const THERE = [...Object.keys(TABLES), "write_buffer_migrations"].sort().join(", ")

const { postgres, execute, check, mend } = useTables()

const from = (name: string) => postgres().run((sql) => declarationFrom(sql, name))
const lack = async (table: Table) => migrationOf(await postgres().run((sql) => lackOf(sql, table)))

/** The table of a declaration that was printed, as its author would paste it. */
const paste = (text: string): Table => {
  const scope = { ...kinds, upsert, append }
  const declared = new Function(...Object.keys(scope), `return {${text}\n}`)(
    ...Object.values(scope),
  )
  return Object.values<Table>(declareTables(declared))[0] as Table
}

/** A type has no bounds: what a declaration says of them is lost on the way. */
const withoutBounds = (text: string) => text.replaceAll(/\(\{ \w+: .*? \}\)/g, "()")

describe("there and back", () => {
  test.each(Object.values<Table>(DECLARED))("$name is declared as it was", async (table) => {
    await execute(await lack(table))
    const text = await from(table.name)
    expect(text.split("\n\n")[0]).toBe(withoutBounds(declarationOf(table)))
    expect(text).toContain("// PostgreSQL lacks nothing for it.")
    expect(await lack(paste(text))).toBe("")
    expect(await check(paste(text))).toEqual([])
  })

  test.each(Object.values<Table>(TABLES))("$name, as the migrations make it", async (table) => {
    expect((await from(table.name)).split("\n\n")[0]).toBe(withoutBounds(declarationOf(table)))
  })
})

describe("the declaration of somebody's table", () => {
  test("says what each column becomes, what is lacking, and how to go on", async () => {
    await execute(`
      create table visits (
        id uuid primary key default gen_random_uuid(), url varchar(2000) not null, hits int not null default 0,
        tags text[], price numeric(10, 2) not null default 0, place point not null, "odd name" text,
        size int generated always as (length(url)) stored, updated_at timestamp, deleted_at timestamptz
      )`)
    const text = await from("visits")
    expect(text).toBe(`visits: upsert({
  key: "id",
  columns: {
    // has a default; where each write is a row of its own, declare append without this column
    id: uuid(),
    url: text({ maxBytes: 2000 }),
    // has a default, which stays if this line goes
    hits: integer({ min: -2147483648, max: 2147483647 }),
    // tags: text[] fits no kind; left out, it stays null
    // price: numeric(10,2) fits no kind; left out, it stays as PostgreSQL fills it
    // place: point fits no kind; it stops the table: it must not be null and has no default
    // odd name: the name is none here; left out, it stays null
    // size: PostgreSQL generates it; left out, it stays as PostgreSQL fills it
    // updated_at: updatedAt: true fills it, as timestamptz; left out, it stays null
    // deleted_at: deletes: true fills it, as timestamptz, once all columns but the key may be null in \
PostgreSQL; left out, it stays null
  },
}),

// Put it into shared/tables.ts, with integer, text, uuid of ./table/column.ts and upsert of ./table/table.ts.
// What PostgreSQL lacks for it:
// - the column version is missing (SQLSTATE 42703)
//     alter table "visits" add column "version" bigint not null default 0
// - the column place is not declared, must not be null and has no default
//     alter table "visits" alter column "place" drop not null
// Then npm run table -- visits --sql --write makes a migration of that, and npm run migrate applies it.
`)
    await mend(paste(text))
  })

  test.each([
    ["no key", "kind text, at timestamptz", "append", ["version"]],
    ["version", "version bigint primary key, kind text", "append", ["version"]],
    [
      "version and more",
      "version bigint, kind text, primary key (kind, version)",
      "append",
      ["version", "kind"],
    ],
    ["one column", "kind text primary key, a int", "upsert", ["kind"]],
    ["a unique column alone", "kind text unique, a int", "upsert", ["kind"]],
    [
      "several, and a unique column",
      "a int, b int, kind text unique, primary key (a, b)",
      "upsert",
      ["kind"],
    ],
  ])("has its mode by its key: %s", async (_, columns, mode, key) => {
    await execute(`create table clicks (${columns})`)
    const table = paste(await from("clicks"))
    expect(table).toMatchObject({ mode, key })
    await mend(table)
  })

  test.each([
    [
      "a int, b int, primary key (a, b)",
      /^clicks has a primary key of several columns, \(a, b\): upserts/,
    ],
    ["at timestamptz primary key", /^clicks: no key can be of kind timestamp$/],
    ["place inet primary key", /^clicks: no kind fits its key place: /],
  ])("is refused when no mode fits: %s", async (columns, sentence) => {
    await execute(`create table clicks (${columns})`)
    await expect(from("clicks")).rejects.toThrow(sentence)
  })

  test("is refused when it is none", async () => {
    await execute(
      "create view clicks as select 1 as a",
      "create schema apart",
      "create table apart.visits ()",
    )
    await expect(from("clicks")).rejects.toThrow("clicks of PostgreSQL is no table")
    await expect(from("visits")).rejects.toThrow(
      `PostgreSQL has no table visits, it has ${THERE}; schema=apart in DATABASE_URL finds one`,
    )
    await execute("drop view clicks", "drop schema apart cascade")
  })
})

describe("a migration", () => {
  const { views_in_tests } = DECLARED

  test("is what is missing alone, each with why", async () => {
    await execute(
      await lack(views_in_tests),
      "alter table views_in_tests drop column extra, drop column updated_at",
    )
    expect(await lack(views_in_tests)).toBe(`-- the column extra is missing (SQLSTATE 42703)
alter table "views_in_tests" add column "extra" jsonb;

-- the column updated_at is missing (SQLSTATE 42703)
alter table "views_in_tests" add column "updated_at" timestamptz not null default now();
`)
  })

  test("is the next numbered file, and none that is there already", async () => {
    const directory = await mkdtemp(join(tmpdir(), "migrations-"))
    const folder = pathToFileURL(`${directory}/`)
    await writeFile(new URL("0009_first.sql", folder), "create table a ();")
    const text = await lack(views_in_tests)
    expect(await writeMigration(folder, views_in_tests, text)).toBe("0010_views_in_tests.sql")
    expect(await readFile(new URL("0010_views_in_tests.sql", folder), "utf8")).toBe(text)
    const refused = "shared/migrations/0010_views_in_tests.sql has it: npm run migrate applies it"
    await expect(writeMigration(folder, views_in_tests, text)).rejects.toThrow(refused)
    const edited = text.replace('"referrer"', '"source"')
    await expect(writeMigration(folder, views_in_tests, edited)).rejects.toThrow(refused)
    const column = '-- why\nalter table "views_in_tests" add column "a" text;\n'
    expect(await writeMigration(folder, views_in_tests, column)).toBe("0011_views_in_tests.sql")
    await expect(writeMigration(folder, views_in_tests, column)).rejects.toThrow(
      "0011_views_in_tests.sql has it",
    )
    expect(await readdir(folder)).toHaveLength(3)
    await rm(directory, { recursive: true })
  })
})

describe("npm run table", () => {
  const run = async (line: string, url = postgres().url) => {
    const env = { ...process.env, DATABASE_URL: url }
    const parameters = ["scripts/table.ts", ...line.split(" ").filter((word) => word !== "")]
    return await promisify(execFile)(process.execPath, parameters, { env }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    )
  }
  const NOWHERE = "postgres://nobody@127.0.0.1:1/none"

  test("prints", async () => {
    expect(await run("")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^npm run table/),
    })
    expect((await run("events --from postgres")).stdout).toMatch(/^events: append\(\{\n/)
    expect(await run("events --sql --write")).toEqual({
      code: 0,
      stdout: "events is in PostgreSQL as it is declared: nothing is missing\n",
      stderr: "",
    })
    await execute("alter table events rename to kept")
    expect((await run("events --sql")).stdout).toMatch(
      /^-- events as .* declares it\ncreate table "events" \(/,
    )
    expect(await run("events --sql --write")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "table: shared/migrations/0002_deletions_and_events.sql has it: npm run migrate applies it\n",
    })
    await execute("create view events as select * from kept")
    expect((await run("events --sql")).stderr).toBe(
      "table: no statement mends events: it is a view, not a table\n",
    )
    await execute("drop view events", "alter table kept rename to events")
  })

  test("prints all of a table when PostgreSQL does not answer, and says so", async () => {
    const { code, stdout, stderr } = await run("events --sql", NOWHERE)
    expect([code, stderr]).toEqual([
      0,
      "DATABASE_URL: the PostgreSQL at 127.0.0.1:1 does not answer (ECONNREFUSED): this is all of the table\n",
    ])
    expect(stdout).toContain('create table "events" (')
  })

  test.each([
    [
      "orders_in_tests --sql",
      `no orders_in_tests in shared/tables.ts, only ${Object.keys(TABLES).join(", ")}`,
    ],
    [
      "orders_in_tests --from postgres",
      "DATABASE_URL: the PostgreSQL at 127.0.0.1:1 does not answer (ECONNREFUSED)",
    ],
    ["orders_in_tests", "one of --from postgres and --sql is needed"],
  ])("says in one line why not: %s", async (line, sentence) => {
    expect(await run(line, NOWHERE)).toEqual({
      code: 1,
      stdout: "",
      stderr: `table: ${sentence}\n`,
    })
  })
})
