import { execFile } from "node:child_process"
import process from "node:process"
import { promisify } from "node:util"
import { beforeEach, expect, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { execute } from "../../services/testing/standby.ts"
import { openDatabase } from "../../shared/postgres/postgres.ts"
import { freePort } from "../servers/port.ts"
import { type Migration, migrate } from "./ledger.ts"

const FORMER = `
  create table schema_migrations (
    name text primary key,
    applied_at timestamptz not null default now()
  )`

// Of its own, because roles are those of a whole server.
const postgres = usePostgres({ own: true })
const sql = (...statements: ReadonlyArray<string>) => execute(postgres().url, ...statements)
beforeEach(() => sql("drop schema public cascade", "create schema public"))

const FIRST_APPLIED = expect.stringMatching(/^(applied \d{4}_\w+\.sql\n)+$/)

/** The command, as it is run; resolves to what it printed. */
const run = async (url = postgres().url) => {
  const env = { ...process.env, DATABASE_URL: url }
  const done = promisify(execFile)(process.execPath, ["scripts/migrate.ts"], { env })
  return await done.then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    ({ code, stdout, stderr }) => ({ code, text: `${stdout}${stderr}` }),
  )
}

const file = (name: string): Migration => ({ name, text: `create table "t_${name}" ()` })

/** The function alone, with files of the test's own. */
const apply = async (...names: ReadonlyArray<string>) => {
  const options = { name: "test", maxConnections: 1, deadlineMillis: 10_000 }
  const database = openDatabase(postgres().url, options)
  try {
    return await database.run((connection) => migrate(connection, names.map(file)))
  } finally {
    await database.close()
  }
}

const names = async (table: string) =>
  (await sql(`select name from ${table} order by name`)).map(({ name }) => name)

test("ten at once apply each file once, and the next says that there is nothing to do", async () => {
  const results = await Promise.all(Array.from({ length: 10 }, () => apply("1", "2")))
  expect(results.flat().sort()).toEqual(["1", "2"])
  expect(await names("write_buffer_migrations")).toEqual(["1", "2"])
  expect(await apply("1", "2")).toEqual([])
  expect(await apply("1", "2", "3")).toEqual(["3"])
})

test("a file that fails leaves nothing of those beside it", async () => {
  await sql('create table "t_2" ()')
  await expect(apply("1", "2")).rejects.toMatchObject({ code: "42P07" })
  expect(await sql("select to_regclass('\"t_1\"')::text as t")).toEqual([{ t: null }])
})

test("an installation of an earlier build goes on where it is, and its table stays", async () => {
  await sql(FORMER, `insert into schema_migrations (name) values ('1')`)
  expect(await apply("1")).toEqual([])
  expect(await sql("select to_regclass('write_buffer_migrations')::text as t")).toEqual([
    { t: null },
  ])
  expect(await apply("1", "2")).toEqual(["2"])
  expect(await names("write_buffer_migrations")).toEqual(["1", "2"])
  expect(await names("schema_migrations")).toEqual(["1"])
})

test.each([
  ["Rails and dbmate", "create table schema_migrations (version varchar primary key)"],
  ["golang-migrate", "create table schema_migrations (version bigint primary key, dirty boolean)"],
  ["somebody else", "create table schema_migrations (id int, name text, applied_at timestamptz)"],
])("the table of %s is not touched, nor read", async (_, table) => {
  await sql(table)
  expect(await run()).toEqual({ code: 0, text: FIRST_APPLIED })
  expect(await sql("select count(*)::int as rows from schema_migrations")).toEqual([{ rows: 0 }])
})

test("a role that may create nothing passes when there is nothing to do, and else is told", async () => {
  const url = postgres().url.replace("postgres:postgres@", "visitor:visitor@")
  await sql("drop role if exists visitor", "create role visitor login password 'visitor'")
  await sql("grant usage on schema public to visitor")
  const refused = (what: string) => ({
    code: 1,
    text:
      `migrate: DATABASE_URL: the PostgreSQL at 127.0.0.1:${postgres().port} says: permission denied ` +
      `for ${what} (42501): run it as the owner of the table, or, when all is applied, grant select ` +
      "on write_buffer_migrations to this role\n",
  })
  expect(await run(url)).toEqual(refused("schema public"))
  await run()
  expect(await run(url)).toEqual(refused("table write_buffer_migrations"))
  await sql("grant select on all tables in schema public to visitor")
  expect(await run(url)).toEqual({
    code: 0,
    text: expect.stringMatching(/^nothing to apply: all \d+ are there\n$/),
  })
  await sql("drop owned by visitor", "drop role visitor")
})

test("what cannot be reached or read is one line, without the password", async () => {
  const nobody = await freePort()
  const secret = postgres().url.replace(":postgres@", ":secret@")
  const lines = [
    [`${postgres().url}_none`, /says: database "write_buffer_none" does not exist \(3D000\)$/],
    [secret, /says: password authentication failed for user "postgres" \(28P01\)$/],
    [secret.replace(/:\d+\//, `:${nobody}/`), /does not answer \(ECONNREFUSED\)$/],
    [`${secret}?sslmode=require`, /no encryption with .*: the server has no TLS \(NO_TLS\)$/],
    ["postgres://u:secret#1@h/db", /^DATABASE_URL: it cannot be read: /],
    ["postgres://u:secret@h/db?service=s", /^DATABASE_URL: its parameter service is not supported/],
  ] as const
  for (const [url, line] of lines) {
    const { code, text } = await run(url)
    expect(code).toBe(1)
    expect(text.trim()).toMatch(line)
    expect(text.trim().split("\n")).toHaveLength(1)
    expect(text).not.toContain("secret")
  }
})

test("parameters for other clients are named, and it goes on", async () => {
  expect(await run(`${postgres().url}?sslmode=prefer&channel_binding=prefer`)).toEqual({
    code: 0,
    text: expect.stringMatching(
      /^DATABASE_URL: .* other clients: channel_binding\n(applied \d{4}_\w+\.sql\n)+$/,
    ),
  })
})
