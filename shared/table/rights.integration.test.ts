import { describe, expect, test } from "vitest"
import { openDatabase } from "../postgres/postgres.ts"
import { DECLARED, useTables } from "../testing/check.ts"
import { checkTables, type Purpose } from "./check.ts"
import { createTable } from "./create.ts"
import type { Table } from "./table.ts"

const { views_in_tests, clicks, names } = DECLARED
const { postgres, execute } = useTables()

describe("a role", () => {
  /** The findings of a role that has these rights alone, before and after it was granted what they say. */
  const asRole = async (table: Table, purpose: Purpose, ...rights: ReadonlyArray<string>) => {
    const role = `checked_${new URL(postgres().url).pathname.slice(1)}`
    await execute(
      createTable(table),
      `create role ${role} login password 'x'`,
      ...rights.map((right) => `${right} to ${role}`),
    )
    const url = new URL(postgres().url)
    url.username = role
    url.password = "x"
    const database = openDatabase(url.href, {
      name: "test",
      maxConnections: 1,
      deadlineMillis: 9_000,
    })
    const ask = async () =>
      (await database.run((sql) => checkTables(sql, [table], purpose)))[0] ?? []
    try {
      const before = await ask()
      await execute(...before.map(({ sql }) => sql))
      const after = await ask()
      return { before: before.map(({ sentence }) => sentence.replace(role, "it")), after }
    } finally {
      await database.close()
      await execute(`drop owned by ${role}`, `drop role ${role}`)
    }
  }
  const USAGE = "grant usage on schema public"

  test.each<[Table, Purpose, ReadonlyArray<string>, string[]]>([
    [views_in_tests, "write", ["grant select, insert, update on views_in_tests"], []],
    [
      views_in_tests,
      "write",
      ["grant select, insert on views_in_tests"],
      ["the role it lacks the right to update (SQLSTATE 42501)"],
    ],
    [
      views_in_tests,
      "write",
      [],
      ["the role it lacks the right to select, insert, update (SQLSTATE 42501)"],
    ],
    [clicks, "write", ["grant select, insert on clicks"], []],
    [
      clicks,
      "write",
      ["grant insert on clicks"],
      ["the role it lacks the right to select (SQLSTATE 42501)"],
    ],
    [names, "write", ["grant select, insert, update (rank, version) on names"], []],
    [
      names,
      "write",
      ["grant select, insert, update (rank) on names"],
      ["the role it lacks the right to update (SQLSTATE 42501)"],
    ],
    [views_in_tests, "read", ["grant select on views_in_tests"], []],
    [
      views_in_tests,
      "read",
      ["grant insert, update on views_in_tests"],
      ["the role it lacks the right to select (SQLSTATE 42501)"],
    ],
    [views_in_tests, "migrate", [], []],
  ])("of $0.name that wants to $1 with $2", async (table, purpose, rights, sentences) => {
    expect(await asRole(table, purpose, ...[USAGE, ...rights])).toEqual({
      before: sentences,
      after: [],
    })
  })

  test("that may not use the schema is told so", async () => {
    await execute("revoke usage on schema public from public")
    const found = await asRole(clicks, "read", "grant select on clicks")
    await execute("grant usage on schema public to public")
    expect(found).toEqual({
      before: [
        "the table is missing (SQLSTATE 42P01), or the role it may not use the schema public",
      ],
      after: [],
    })
  })
})
