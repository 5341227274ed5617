import { describe, expect, test } from "vitest"
import { DECLARED, useTables } from "../testing/check.ts"
import { createTable } from "./create.ts"

const { views_in_tests, visits, clicks, readings } = DECLARED
const { postgres, execute, check, sentencesOf, mend } = useTables()

/** What is done to a table that is as declared, and the one finding that it then is. */
const BROKEN = `
views_in_tests: drop column referrer
  the column referrer is missing (SQLSTATE 42703)
visits: drop column url
  the column url is missing (SQLSTATE 42703)
views_in_tests: alter column url type varchar(50)
  the column url is character varying(50), not text (declared with maxBytes: 50 it would do)
views_in_tests: alter column referrer type varchar(50)
  the column referrer is character varying(50), not text (declared with maxBytes: 50 it would do)
views_in_tests: alter column url type char(200)
  the column url is character(200), not text
views_in_tests: alter column url type bytea using url::bytea
  the column url is bytea, not text
views_in_tests: alter column duration_ms type int
  the column duration_ms is integer, not bigint (declared with min: -2147483648, max: 2147483647 it would do)
views_in_tests: alter column duration_ms type numeric
  the column duration_ms is numeric, not bigint
views_in_tests: alter column score type numeric(10, 2)
  the column score is numeric(10,2), which rounds
views_in_tests: alter column score type real
  the column score is real, not double precision
views_in_tests: alter column visited_at type timestamp
  the column visited_at is timestamp without time zone, not timestamptz
views_in_tests: alter column visited_at type date
  the column visited_at is date, not timestamptz
views_in_tests: alter column extra type text
  the column extra is text, not jsonb
views_in_tests: alter column id type text
  the column id is text, not uuid
views_in_tests: alter column seen type int using seen::int
  the column seen is integer, not boolean
names: alter column name type citext
  the key name is citext, which takes different texts for one
names: alter column name type text collate blind
  the key name has a collation, which takes different texts for one
views_in_tests: alter column referrer set not null
  the column referrer must not be null, which is declared nullable
views_in_tests: alter column referrer type required
  the column referrer must not be null, which is declared nullable
visits: alter column url set not null
  the column url must not be null, which a deleted row does not have
views_in_tests: add column tenant int not null
  the column tenant is not declared, must not be null and has no default
clicks: add column created_at timestamptz not null
  the column created_at is not declared, must not be null and has no default
views_in_tests: drop column url, add column url text generated always as ('x' || duration_ms) stored
  the column url is generated always, and takes no value
views_in_tests: drop column url, add column url text generated always as ('x') virtual
  the column url is generated always, and takes no value
numbers: alter column number add generated always as identity
  the column number is generated always, and takes no value
views_in_tests: drop constraint views_in_tests_pkey
  no unique index is on (id) alone, whole, and checked at once
views_in_tests: drop constraint views_in_tests_pkey, add primary key (id, url)
  no unique index is on (id) alone, whole, and checked at once
views_in_tests: add constraint late unique (id) deferrable
  the constraint late is deferrable, and no key for writes
views_in_tests: drop constraint views_in_tests_pkey, add constraint late primary key (id) deferrable
  the constraint late is deferrable, and no key for writes
clicks: drop constraint clicks_pkey
  no unique index is on (version) alone, whole, and checked at once
views_in_tests: drop column version
  the column version is missing (SQLSTATE 42703)
views_in_tests: alter column version type int
  the column version is integer, not bigint
views_in_tests: alter column version drop not null
  the column version may be null
visits: drop column deleted_at
  the column deleted_at is missing (SQLSTATE 42703)
visits: alter column deleted_at type timestamp
  the column deleted_at is timestamp without time zone, not timestamptz
visits: alter column deleted_at set not null
  the column deleted_at must not be null, which rows have that are not deleted
views_in_tests: drop column updated_at
  the column updated_at is missing (SQLSTATE 42703)
views_in_tests: alter column updated_at type date
  the column updated_at is date, not timestamptz
`

const CASES = [...BROKEN.matchAll(/^(\w+): (.+)\n {2}(.+)$/gm)].map(
  ([, name = "", broken = "", sentence = ""]) =>
    [name as keyof typeof DECLARED, broken, sentence] as const,
)

describe("a table that is not as declared is found, and mended by the SQL of the finding", () => {
  test.each(CASES)("%s: %s", async (name, broken, sentence) => {
    const table = DECLARED[name]
    await execute(createTable(table), `alter table ${name} ${broken}`)
    expect(await sentencesOf(table)).toEqual([sentence])
    await mend(table)
  })

  test.each([
    ["partial", "create unique index on views_in_tests (id) where url <> ''"],
    ["of an expression", "create unique index on views_in_tests ((id::text))"],
    ["of more columns", "create unique index on views_in_tests (id, url)"],
    ["not unique", "create index on views_in_tests (id)"],
  ])("an index that is %s is no key", async (_, index) => {
    await execute(
      createTable(views_in_tests),
      "alter table views_in_tests drop constraint views_in_tests_pkey",
      index,
    )
    expect(await sentencesOf(views_in_tests)).toEqual([
      expect.stringMatching(/^no unique index is on/),
    ])
    await mend(views_in_tests)
  })

  test("a deferrable constraint alone is no key", async () => {
    await execute(
      createTable(views_in_tests),
      "alter table views_in_tests drop constraint views_in_tests_pkey, add unique (id) deferrable",
    )
    expect(await check(views_in_tests)).toHaveLength(2)
    await mend(views_in_tests)
  })

  test("an index with columns beside its key is one", async () => {
    await execute(
      createTable(views_in_tests),
      "alter table views_in_tests drop constraint views_in_tests_pkey",
      "create unique index on views_in_tests (id) include (url)",
    )
    expect(await check(views_in_tests)).toEqual([])
  })

  test.each(["int", "uuid", "text"])(
    "a key of its own, %s, numbers what is appended",
    async (type) => {
      await execute(
        `create table clicks (
        id ${type} primary key, kind text not null, at timestamptz not null, version bigint unique not null
      )`,
        type === "int" ? "insert into clicks values (7, 'a', now(), 1)" : "select 1",
      )
      expect(await sentencesOf(clicks)).toEqual([
        "the column id is not declared, must not be null and has no default",
      ])
      await mend(clicks)
      if (type === "int") {
        expect(await postgres().sql("select min(id), max(id) from clicks")).toEqual([
          { min: 7, max: 10 },
        ])
      }
    },
  )

  test("a table of somebody's, with rows, becomes one of upserts", async () => {
    await execute(
      `create table visits (
        id uuid primary key, url varchar(2000) not null, visited_at timestamp not null,
        referrer text, duration_ms int not null, score real, seen boolean, extra json
      )`,
      `insert into visits
        select gen_random_uuid(), 'u' || i, '2026-01-01', null, i, i, true, '{}'
        from generate_series(1, 100) as i`,
    )
    expect((await check(visits)).length).toBeGreaterThan(5)
    await mend(visits)
    expect(
      await postgres().sql(
        "select count(*)::int as count, min(visited_at) as at from visits where version = 0",
      ),
    ).toEqual([{ count: 100, at: new Date("2026-01-01T00:00:00Z") }])
    // A row of another writer is whole, as it had to be.
    await expect(
      postgres().sql("insert into visits (id) values (gen_random_uuid())"),
    ).rejects.toMatchObject({
      code: "23514",
    })
    await postgres().sql("insert into visits (id, deleted_at) values (gen_random_uuid(), now())")
  })

  test("a table of somebody's, with rows, becomes one of appended rows", async () => {
    await execute(
      "create table clicks (id bigserial primary key, kind text not null, at timestamptz not null)",
      "insert into clicks (kind, at) select 'a', now() from generate_series(1, 100)",
      "create table readings (kind text, at timestamptz) partition by range (at)",
      "create table readings_rest partition of readings default",
      "insert into readings select 'a', now() from generate_series(1, 100)",
    )
    for (const table of [clicks, readings]) await mend(table)
    await execute("insert into clicks (kind, at) values ('by another writer', now())")
  })
})
