import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { temporaryDirectory } from "../../scripts/servers/directory.ts"
import { startPostgres } from "../../scripts/servers/postgres.ts"
import type { Store } from "../../scripts/servers/store.ts"
import { migrate } from "../../services/testing/migrate.ts"
import { hasPgBouncer, startPgBouncer } from "../../services/testing/pgbouncer.ts"
import { DEFAULT_TABLE } from "../item.ts"
import { selectRows } from "../table/select.ts"
import { write } from "../table/statement.ts"
import { itemOf } from "../testing/write.ts"
import { databaseErrorReason, openDatabase, ping } from "./postgres.ts"

const BATCHES = 100

/** A machine without PgBouncer cannot say; the name of the test tells. */
describe.runIf(hasPgBouncer)("through PgBouncer as it is packaged", () => {
  let store: Store
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let bouncer: Awaited<ReturnType<typeof startPgBouncer>>
  beforeAll(async () => {
    directory = await temporaryDirectory()
    store = await startPostgres({ directory: directory.path, settings: { fsync: "off" } })
    bouncer = await startPgBouncer(store.port)
  })
  afterAll(async () => {
    await bouncer?.stop()
    await store?.stop()
    await directory?.remove()
  })

  const open = (query: string, reread = () => undefined as string | undefined) => {
    const options = { name: "test", maxConnections: 4, deadlineMillis: 10_000, reread }
    const database = openDatabase(`${bouncer.url}?${query}`, options)
    onTestFinished(() => database.close())
    return database
  }

  test("the reason names the setting that it refuses, and the parameter that helps", async () => {
    const error = await open("")
      .run(ping)
      .catch((thrown) => thrown)
    expect(databaseErrorReason(error)).toMatch(
      /^PgBouncer refuses the setting \w+: add pgbouncer=true to DATABASE_URL$/,
    )
    await expect(migrate(bouncer.url)).rejects.toMatchObject({
      stderr: expect.stringMatching(
        /^migrate: DATABASE_URL: PgBouncer refuses the setting \w+: add [^\n]*\n$/,
      ),
    })
  })

  test("with pgbouncer=true it migrates, and every batch and read is answered", async () => {
    await migrate(`${bouncer.url}?pgbouncer=true`)
    const database = open("pgbouncer=true")
    const key = (i: number) => `key ${i % 7}`
    await Promise.all(
      Array.from({ length: BATCHES }, (_, i) =>
        database.run((sql) => write(sql, DEFAULT_TABLE, [itemOf(i + 1, key(i))])),
      ),
    )
    const rows = await Promise.all(
      Array.from(
        { length: BATCHES },
        async (_, i) =>
          (await database.run((sql) => selectRows(sql, DEFAULT_TABLE, [key(i)]))).get(key(i))?.row,
      ),
    )
    expect(new Set(rows.map((row) => row?.version))).toEqual(new Set([94, 95, 96, 97, 98, 99, 100]))
  })

  test("a password that was rotated is read again, although it has no SQLSTATE of its own", async () => {
    const wrong = `${bouncer.url.replace(":postgres@", ":old@")}?pgbouncer=true`
    const right = `${bouncer.url}?pgbouncer=true`
    const options = { name: "test", maxConnections: 1, deadlineMillis: 10_000 }
    const database = openDatabase(wrong, { ...options, reread: () => right })
    onTestFinished(() => database.close())
    await database.run(ping)
  })
})
