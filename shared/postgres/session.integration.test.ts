import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { reread } from "../config.ts"
import { DEFAULT_TABLE } from "../item.ts"
import { selectRows } from "../table/select.ts"
import { write } from "../table/statement.ts"
import { TABLE } from "../testing/table.ts"
import { itemOf } from "../testing/write.ts"
import { type OpenDatabaseOptions, openDatabase } from "./postgres.ts"

const AT = "2026-02-03T04:05:06.789Z"

const server = usePostgres({ own: true })
beforeAll(() => server().sql(`insert into ${TABLE} values ('k', 'v', 1, '${AT}')`))

const open = (url = server().url, options: Partial<OpenDatabaseOptions> = {}) => {
  const all = { name: "test", maxConnections: 1, deadlineMillis: 10_000, ...options }
  const database = openDatabase(url, all)
  onTestFinished(() => database.close())
  return database
}

const show = async (url: string, ...names: ReadonlyArray<string>) => {
  const query = names.map((name) => `current_setting('${name}') as "${name}"`).join(", ")
  const [row] = await open(url).run((sql) => sql.unsafe(`select ${query}`))
  return row
}

describe("a session", () => {
  test.each([
    ["DateStyle", "SQL, DMY"],
    ["DateStyle", "German"],
    ["DateStyle", "Postgres, MDY"],
    ["TimeZone", "Asia/Kolkata"],
    ["client_encoding", "LATIN1"],
    ["IntervalStyle", "iso_8601"],
    ["extra_float_digits", "-15"],
    ["bytea_output", "escape"],
    ["standard_conforming_strings", "off"],
  ])("reads and writes the same where the database has %s = %s", async (name, value) => {
    await server().sql(`alter database write_buffer set ${name} = '${value}'`)
    const database = open()
    const read = async (key: string) =>
      (await database.run((sql) => selectRows(sql, DEFAULT_TABLE, [key]))).get(key)?.row
    expect(await read("k")).toEqual({ key: "k", value: "v", version: 1, updated_at: AT })
    const row = { key: `é \\\\ ${name}`, value: "\\n ü 🙂" }
    await database.run((sql) => write(sql, DEFAULT_TABLE, [itemOf(2, row.key, row.value)]))
    expect(await read(row.key)).toMatchObject(row)
    const shown = await show(server().url, name)
    expect(shown?.[name]).not.toContain(value)
    await server().sql("alter database write_buffer reset all")
  })

  test("answers no commit before it is on disk, and keeps what waits for more", async () => {
    const commit = async (value: string) => {
      await server().sql(`alter role postgres set synchronous_commit = ${value}`)
      return (await show(server().url, "synchronous_commit"))?.synchronous_commit
    }
    expect(await commit("off")).toBe("on")
    expect(await commit("remote_apply")).toBe("remote_apply")
    await server().sql("alter role postgres reset all")
  })

  test("has the name, the schema and the options of the URL", async () => {
    const url = `${server().url}?application_name=shop&schema=app&options=-c%20geqo%3Doff`
    expect(await show(url, "application_name", "search_path", "geqo")).toEqual({
      application_name: "shop-test",
      search_path: "app",
      geqo: "off",
    })
  })
})

describe("a login that is refused", () => {
  const role = async (password: string) => {
    await server().sql("drop role if exists rotating")
    await server().sql(`create role rotating login password '${password}'`)
    return server().url.replace("postgres:postgres@", `rotating:${password}@`)
  }

  test("is tried again with what the file says now, and the query does not notice", async () => {
    const file = join(server().directory(), "url")
    const old = await role("old")
    await writeFile(file, old)
    const database = open(old, {
      reread: () => reread("DATABASE_URL", { DATABASE_URL_FILE: file }),
    })
    await database.run((sql) => sql`select 1`)
    await server().sql("alter role rotating password 'new'")
    database.renew()
    await expect(database.run((sql) => sql`select 1`)).rejects.toMatchObject({ code: "28P01" })
    await writeFile(file, old.replace(":old@", ":new@"))
    await database.run((sql) => sql`select 1`)
  })

  test("fails when there is no file, or the file says the same", async () => {
    const url = (await role("right")).replace(":right@", ":wrong@")
    for (const again of [undefined, url]) {
      const failing = open(url, { reread: () => again }).run((sql) => sql`select 1`)
      await expect(failing).rejects.toMatchObject({ code: "28P01" })
    }
  })
})
