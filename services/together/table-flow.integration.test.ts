/** Rows of other tables and deletions from end to end: each case talks HTTP to the four processes. */
import { beforeAll, expect, test } from "vitest"
import { holdToContract } from "../testing/contract.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { useStack } from "../testing/stack.ts"

const stack = useStack({ redis: REDIS_KINDS[0] })
beforeAll(() => holdToContract(stack().urls))

const EVENT = { type: "click", payload: { x: [1, "\u2028", null] }, at: "2026-11-25T10:00:00.000Z" }

test("an appended row is read by its version, and a second one like it is a row of its own", async () => {
  const { client } = stack()
  const versions = [await client.writeRow("events", EVENT), await client.writeRow("events", EVENT)]
  const rows = []
  for (const version of versions) rows.push(await client.appended("events", version))
  expect(rows).toEqual(versions.map((version) => ({ success: true, ...EVENT, version })))
  expect(new Set(versions).size).toBe(2)
  const [first, second] = versions as [number, number]
  expect(await client.readRows([second, 1, first, second], "events")).toEqual([
    { ...EVENT, version: second },
    null,
    { ...EVENT, version: first },
    { ...EVENT, version: second },
  ])
})

test("a deleted row is gone, and a write after the deletion is a row again", async () => {
  const { client } = stack()
  await client.visible("a/b", await client.write("a/b", "first"))
  const deleted = await client.remove("a/b")
  await client.gone("a/b")
  expect((await client.readRow("key_values", "a/b")).status).toBe(404)
  expect(await client.readRows(["a/b"])).toEqual([null])
  const version = await client.write("a/b", "second")
  expect(version).toBeGreaterThan(deleted)
  expect(await client.visible("a/b", version)).toMatchObject({ value: "second", version })
})

test("of writes and deletions of a key in one batch the last one counts", async () => {
  const { client } = stack()
  for (const key of ["deleted", "written"]) {
    await client.writeRow("key_values", { key, value: "1" })
    await client.remove(key, "key_values")
    await client.write(key, "2")
  }
  await client.remove("deleted")
  await client.drained()
  expect((await client.read("deleted")).status).toBe(404)
  expect(await client.read("written")).toMatchObject({ status: 200, value: "2" })
})

test("a row that was never there can be deleted, and then be written", async () => {
  const { client } = stack()
  await client.remove("never")
  await client.drained()
  expect((await client.read("never")).status).toBe(404)
  expect(await client.visible("never", await client.write("never", "now"))).toMatchObject({
    value: "now",
  })
})

test("a key named like a table is a key, and has no part in that table", async () => {
  const { client } = stack()
  const version = await client.writeRow("events", EVENT)
  await client.visible("events", await client.write("events", "a key"))
  await client.remove("events")
  await client.gone("events")
  expect((await client.appended("events", version)).version).toBe(version)
})

test("what no table takes queues nothing", async () => {
  const { client, urls } = stack()
  const before = (await client.drained()).writes_queued
  const statuses = []
  for (const [method, path, row] of [
    ["POST", "/write/nothing", EVENT],
    ["POST", "/write/events", { ...EVENT, at: "2026-02-31T00:00:00Z" }],
    ["DELETE", "/write/nothing/a", undefined],
    ["DELETE", "/write/events/1", undefined],
    ["DELETE", "/write/%00", undefined],
  ] as const) {
    const headers = { "content-type": "application/json" }
    const body = row === undefined ? null : JSON.stringify(row)
    statuses.push((await fetch(urls.ingest + path, { method, headers, body })).status)
  }
  expect(statuses).toEqual([404, 422, 404, 405, 400])
  expect(await client.stats()).toMatchObject({ writes_queued: before, writes_failed: 0 })
})

test("the metrics count each call by its route, and name no key", async () => {
  const { client, urls } = stack()
  await client.visible("secret-key", await client.write("secret-key", "v"))
  await client.readRow("key_values", "secret-key")
  await client.readRows(["secret-key"])
  await client.remove("secret-key")
  await client.remove("secret-key", "key_values")
  const scrape = async (url: string) => await (await fetch(`${url}/metrics`)).text()
  const [ingest, reader] = [await scrape(urls.ingest), await scrape(urls.reader)]
  for (const [text, ...labels] of [
    [ingest, 'method="POST",route="/write/:table",status="202"'],
    [ingest, 'method="DELETE",route="/write/:key",status="202"'],
    [ingest, 'method="DELETE",route="/write/:table/:key",status="202"'],
    [reader, 'method="GET",route="/read",status="200"'],
    [reader, 'method="GET",route="/read/:table/:key",status="200"'],
  ] as const) {
    expect(text).toContain(`write_buffer_http_request_duration_seconds_count{${labels}} `)
  }
  expect(ingest + reader).not.toContain("secret")
})
