/**
 * Two builds side by side, as in every deploy: the newer one has a column and a table more. Whichever
 * process is replaced first, no write loses a field.
 */
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Service, type ServiceName, startService } from "../../scripts/servers/service.ts"
import { makeBuild } from "../testing/build.ts"
import { type client as Client, client as makeClient } from "../testing/client.ts"
import { usePostgres } from "../testing/postgres.ts"
import { useRedis } from "../testing/redis.ts"
import { until } from "../testing/until.ts"

const NEWER_TABLES = `
import { TABLES as FORMER } from "./former.ts"
import { nullable, text } from "./table/column.ts"
import { append, declareTables } from "./table/table.ts"

const { key_values } = FORMER
const columns = { ...key_values.columns, source: nullable(text()) }
export const TABLES = {
  ...FORMER,
  key_values: { ...key_values, columns },
  ...declareTables({ orders_in_tests: append({ columns: { note: text() } }) }),
}
`

const MIGRATION = `
  alter table key_values add column source text;
  create table orders_in_tests (version bigint primary key, note text not null)`

const postgres = usePostgres()
const redis = useRedis("native", { own: true })
let newer: Awaited<ReturnType<typeof makeBuild>>
const running: Service[] = []

beforeAll(async () => {
  newer = await makeBuild(NEWER_TABLES)
  await postgres().sql(MIGRATION)
})
afterAll(async () => {
  await Promise.all(running.map((service) => service.stop()))
  await newer?.remove()
})

const start = async (name: ServiceName, isNewer: boolean) => {
  const env = { DATABASE_URL: postgres().url, REDIS_URL: redis().url, LEASE_SECONDS: "1.5" }
  const build = isNewer ? { build: newer.folder } : {}
  const service = await startService(name, { env, ...build })
  running.push(service)
  return service
}

const stop = async (service: Service) => {
  running.splice(running.indexOf(service), 1)
  await service.stop()
}

test("an older worker parks what only a newer one can write, and a newer one takes what an older ingest wrote", async () => {
  const [ingest, olderIngest, reader, stats, worker] = await Promise.all([
    start("ingest", true),
    start("ingest", false),
    start("reader", true),
    start("stats", false),
    start("worker", false),
  ])
  const urls = { reader: reader.url, stats: stats.url }
  const client: ReturnType<typeof Client> = makeClient({ ...urls, ingest: ingest.url })
  const parked = async () => ((await client.stats()) as { parked: object }).parked

  // With the new column it waits, without it flows; a later write of the key may pass it.
  const row = { key: "kept", value: "1", source: "web" }
  const kept = await client.writeRow("key_values", row)
  await client.writeRow("key_values", { key: "passed", value: "1", source: "web" })
  const passing = await client.write("passed", "2")
  const order = await client.writeRow("orders_in_tests", { note: "n" })
  await client.visible("passed", passing)
  await until("all that is new is parked", async () => {
    const found = await parked()
    return JSON.stringify(found) === '{"key_values.source":2,"orders_in_tests":1}' ||
      JSON.stringify(found) === '{"orders_in_tests":1,"key_values.source":2}'
      ? found
      : null
  })
  expect((await client.read("kept")).status).toBe(404)
  expect((await client.stats()).queue_depth).toBe(3)
  const health = await (await fetch(`${stats.url}/health`)).json()
  expect(JSON.stringify(health)).toContain("source")

  const newerWorker = await start("worker", true)
  const stored = await client.visible("kept", kept)
  expect(stored).toMatchObject(row)
  expect((await client.appended("orders_in_tests", order)).note).toBe("n")
  expect(await client.read("passed")).toMatchObject({ value: "2", source: null })
  await client.drained()
  expect(await parked()).toEqual({})

  // The other way round: what an older ingest accepted, a newer worker writes; and an older one beside it
  // never writes a row without what it has.
  const older = makeClient({ ...urls, ingest: olderIngest.url })
  expect(await client.visible("old", await older.write("old", "1"))).toMatchObject({ source: null })
  await stop(worker)
  const rows = Array.from({ length: 40 }, (_, number) => ({
    ...{ key: `mixed ${number}`, value: String(number), source: number % 2 === 0 ? "web" : null },
  }))
  await start("worker", false)
  for (const each of rows) await client.writeRow("key_values", each)
  await client.drained()
  for (const each of rows) expect(await client.read(each.key)).toMatchObject(each)
  await stop(newerWorker)
  const { writes_failed, writes_queued, writes_processed } = await client.stats()
  expect([writes_failed, writes_processed]).toEqual([0, writes_queued])
})
