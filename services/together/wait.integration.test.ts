/** Clients that wait for the commit, or have a key for their repetitions: what they are told is so. */
import { gzipSync } from "node:zlib"
import { beforeAll, expect, test } from "vitest"
import { holdToContract } from "../testing/contract.ts"
import { startProxy } from "../testing/proxy.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { useStack } from "../testing/stack.ts"

/** No window closes by itself within a test: a commit that is seen was asked for. */
const PATIENT = { BATCH_SIZE: "1000", BATCH_TIMEOUT: "60", WORKER_POLL_INTERVAL: "60" }

/** Far below the windows, however busy the machine is. */
const SOON_MILLIS = 10_000
const WAIT = { prefer: "wait=20" }
const JSON_TYPE = { "content-type": "application/json" }

const stack = useStack({ redis: REDIS_KINDS[0], env: PATIENT })
beforeAll(() => holdToContract(stack().urls))

const post = async (path: string, row: object, headers: object = {}, url = stack().urls.ingest) => {
  const began = performance.now()
  const init = { method: "POST", headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(row) }
  const response = await fetch(url + path, init)
  const body = (await response.json()) as { version: number; [member: string]: unknown }
  return {
    status: response.status,
    headers: response.headers,
    body,
    millis: performance.now() - began,
  }
}

test("a write that is waited for is in the table when it is answered, and its window did not wait", async () => {
  const { client } = stack()
  const { status, headers, body, millis } = await post("/write", { key: "a/b", value: "v" }, WAIT)
  expect([status, body.committed, headers.get("preference-applied")]).toEqual([200, true, "wait"])
  expect(await client.read("a/b")).toMatchObject({ status: 200, value: "v", version: body.version })
  expect(millis).toBeLessThan(SOON_MILLIS)
  const metrics = await (await fetch(`${stack().workers[0]?.url}/metrics`)).text()
  expect(metrics).toMatch(/^write_buffer_worker_windows_total\{reason="Asked"\} [1-9]/m)
})

test("it takes those along that nobody waits for, which came before it", async () => {
  const { client } = stack()
  const version = await client.write("quiet", "v")
  await post("/write", { key: "loud", value: "v" }, WAIT)
  expect(await client.read("quiet")).toMatchObject({ status: 200, version })
})

test("many clients that wait are all answered soon, and each finds its row", async () => {
  const keys = Array.from({ length: 200 }, (_, index) => `wait:${index}`)
  const answers = await Promise.all(keys.map((key) => post("/write", { key, value: key }, WAIT)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  for (const [index, { millis, body }] of answers.entries()) {
    expect(millis).toBeLessThan(SOON_MILLIS)
    const row = await stack().client.read(keys[index] as string)
    expect(row).toMatchObject({ value: keys[index], version: body.version })
  }
})

test("a deletion that is waited for has happened", async () => {
  const { client, urls } = stack()
  await post("/write", { key: "gone", value: "v" }, WAIT)
  const response = await fetch(`${urls.ingest}/write/gone`, { method: "DELETE", headers: WAIT })
  expect(response.status).toBe(200)
  expect((await client.read("gone")).status).toBe(404)
})

test("a row that a CHECK refuses is answered with the constraint and no value, its neighbours not", async () => {
  const { postgres } = stack()
  await postgres.sql(
    "alter table key_values add constraint no_canary check (value not like 'canary%')",
  )
  const [bad, good] = await Promise.all([
    post("/write", { key: "bad", value: "canary 4711" }, WAIT),
    post("/write", { key: "good", value: "v" }, WAIT),
  ])
  expect([bad.status, good.status]).toEqual([422, 200])
  expect(bad.body.type).toBe("/problems/write-refused")
  expect(bad.body.detail).toContain("no_canary")
  expect(JSON.stringify(bad.body)).not.toContain("4711")
  expect((await stack().client.read("bad")).status).toBe(404)
})

const event = (type: string) => ({ type, payload: { x: 1 }, at: "2026-11-25T10:00:00.000Z" })
const countEvents = async (type: string) => {
  const sql = `select count(*)::int from events where type = '${type}'`
  return (await stack().postgres.sql<{ count: number }>(sql))[0]?.count
}

test.each([
  ["that waits", WAIT],
  ["that does not wait", {}],
])("a client %s and repeats what got no answer ends with one row a key", async (name, prefer) => {
  const { ingest, client } = stack()
  const proxy = await startProxy(ingest.port)
  const url = `http://127.0.0.1:${proxy.port}`
  for (let round = 0; round < 12; round++) {
    const type = `${name} ${round}`
    const headers = { ...prefer, "idempotency-key": type }
    // A reply that is lost, a request that never arrives, and another lost reply.
    for (const what of ["lose", "cut", "lose"] as const) {
      const trapped = proxy.trap(/idempotency-key/i, what)
      const lost = post("/write/events", event(type), headers, url)
      await Promise.all([expect(lost).rejects.toThrow(), trapped.then(proxy.cut)])
    }
    const last = await post("/write/events", event(type), headers, url)
    expect(last.status).toBe(name === "that waits" ? 200 : 202)
    expect(last.headers.get("idempotency-replayed")).toBe("true")
    await post("/write", { key: "flush", value: type }, WAIT)
    expect(await countEvents(type)).toBe(1)
    expect((await client.readRow("events", last.body.version)).row).toMatchObject(event(type))
  }
  proxy.stop()
})

test("a write whose outcome ingest does not know is one row when it is repeated with its key", async () => {
  const { ingest } = stack()
  const headers = { "idempotency-key": "unknown outcome" }
  const repeat = () => post("/write/events", event("unknown"), headers)
  const lost = ingest.redis.loseReplies()
  const [unknown] = await Promise.all([repeat(), lost])
  expect([unknown.status, unknown.body.type]).toEqual([503, "/problems/outcome-unknown"])
  ingest.redis.heal()
  let again = await repeat()
  // Until the connection is there again.
  while (again.status === 503) again = await repeat()
  expect(again.headers.get("idempotency-replayed")).toBe("true")
  await post("/write", { key: "flush", value: "v" }, WAIT)
  expect(await countEvents("unknown")).toBe(1)
})

test("at the same time, one of many with a key is queued, and all have its version", async () => {
  const send = () => post("/write/events", event("burst"), { ...WAIT, "idempotency-key": "burst" })
  const answers = await Promise.all(Array.from({ length: 50 }, send))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(new Set(answers.map(({ body }) => body.version)).size).toBe(1)
  expect(await countEvents("burst")).toBe(1)
})

test("5,000 writes of one call are all there in their order when it is answered, and once", async () => {
  const rows = Array.from({ length: 5_000 }, (_, index) => event(`many ${index}`))
  const send = () =>
    fetch(`${stack().urls.ingest}/writes/events`, {
      method: "POST",
      headers: {
        ...{ "content-type": "application/x-ndjson", "content-encoding": "gzip" },
        ...{ prefer: "wait=30, return=representation", "idempotency-key": "many" },
      },
      body: gzipSync(rows.map((row) => JSON.stringify(row)).join("\n")),
    })
  const response = await send()
  const answer = (await response.json()) as { versions: number[]; [member: string]: unknown }
  expect(response.status).toBe(200)
  expect(answer).toMatchObject({ queued: 5_000, committed: true })
  const sql = "select type, version from events where type like 'many %' order by version"
  const stored = await stack().postgres.sql<{ type: string; version: string }>(sql)
  expect(stored.map(({ type }) => type)).toEqual(rows.map(({ type }) => type))
  expect(stored.map(({ version }) => Number(version))).toEqual(answer.versions)
  const again = await send()
  expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"])
  expect(((await again.json()) as { versions: number[] }).versions).toEqual(answer.versions)
  expect(await stack().postgres.sql(sql)).toHaveLength(5_000)
})
