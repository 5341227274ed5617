import { cp, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { describe, expect, test, vi } from "vitest"
import { type Client, ClientError, makeClient, NO_ANSWER } from "./client.ts"

const PLACES = { ingest: "http://ingest/", reader: "http://reader/under" }

interface Seen {
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: unknown
}

const answer = (status: number, body: object, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers })
const problem = (status: number, name: string, headers = {}) =>
  answer(status, { type: `/problems/${name}`, detail: "Why.", status }, headers)
const TAKEN = { success: true, version: 7 }

/** A client whose calls get these answers, one after the other. */
const answered = (...answers: ReadonlyArray<Response | "cut">) => {
  const seen: Seen[] = []
  const fetch = async (url: unknown, { headers, body }: RequestInit = {}) => {
    seen.push({ url: String(url), headers: Object.fromEntries(new Headers(headers)), body })
    const next = answers[seen.length - 1] ?? "cut"
    if (next === "cut") throw new TypeError("fetch failed")
    return next
  }
  return { seen, client: makeClient({ ...PLACES, fetch }) }
}

const failed = (call: Promise<unknown>) =>
  call.then(
    () => Promise.reject(new Error("it did not fail")),
    (error: ClientError) => error,
  )

/** With its pauses passed over, which are kept. */
const hurried = async <A>(call: () => Promise<A>) => {
  const pauses: number[] = []
  const stub = vi.spyOn(globalThis, "setTimeout").mockImplementation(((
    run: () => void,
    millis: number,
  ) => {
    pauses.push(millis)
    queueMicrotask(run)
  }) as never)
  try {
    return { result: await call(), pauses }
  } finally {
    stub.mockRestore()
  }
}

test("the client runs where there is nothing but itself", async () => {
  const folder = await mkdtemp(join(tmpdir(), "client-"))
  try {
    for (const name of ["client.ts", "client"]) {
      await cp(new URL(name, import.meta.url), join(folder, name), { recursive: true })
    }
    const alone = await import(/* @vite-ignore */ pathToFileURL(join(folder, "client.ts")).href)
    expect(Object.keys(alone).toSorted()).toEqual(["ClientError", "NO_ANSWER", "makeClient"])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test("a table, a column or a type that is not declared does not compile", () => {
  // For the compiler alone.
  const calls = async (client: Client) => {
    await client.write("key_values", { key: "a", value: "b" })
    await client.write("events", { type: "click", payload: { x: [1, null] }, at: "2026-11-25" })
    // @ts-expect-error: a table that there is not.
    await client.write("nothing", { key: "a", value: "b" })
    // @ts-expect-error: a column of another type.
    await client.write("key_values", { key: "a", value: 1 })
    // @ts-expect-error: a column less.
    await client.write("key_values", { key: "a" })
    // @ts-expect-error: a column more.
    await client.write("key_values", { key: "a", value: "b", ttl: 3 })
    // @ts-expect-error: the columns of another table.
    await client.write("events", { key: "a", value: "b" })
    // @ts-expect-error: what is not JSON.
    await client.write("events", { type: "click", payload: () => 1, at: "2026-11-25" })
    await client.delete("key_values", "a")
    // @ts-expect-error: a table whose rows are not deleted.
    await client.delete("events", 1)
    // @ts-expect-error: one row among many.
    await client.writeMany("key_values", [{ key: "a", value: "b" }, { key: "c" }])
    // @ts-expect-error: an option that there is not.
    await client.write("key_values", { key: "a", value: "b" }, { waits: 3 })
    const row = await client.read("key_values", "a")
    // @ts-expect-error: there may be no row.
    const sure: string = row.value
    const value: string | undefined = row?.value
    // @ts-expect-error: a column that the table does not have.
    const payload = row?.payload
    const [event] = await client.readMany("events", [1])
    const version: number | undefined = event?.version
    return { sure, value, payload, version }
  }
  expect(calls).toBeTypeOf("function")
})

describe("a call", () => {
  test("says where, what and for how long", async () => {
    const { client, seen } = answered(
      ...[1, 2, 3].map(() => answer(202, TAKEN)),
      answer(200, { success: true, key: "a", value: "b", version: 7 }),
      answer(200, { success: true, rows: [null, null] }),
    )
    await client.write("key_values", { key: "a", value: "b" }, { wait: 2.5, idempotencyKey: "k" })
    await client.writeMany("key_values", [{ key: "a", value: "b" }], { wait: 99 })
    await client.delete("key_values", "a/b?")
    const row = await client.read("key_values", "ä", { minVersion: 7, wait: 1 })
    await client.readMany("key_values", ["a&b", 2])
    expect(row).toEqual({ key: "a", value: "b", version: 7 })
    expect(seen.map(({ url }) => url)).toEqual([
      "http://ingest/write/key_values",
      "http://ingest/writes/key_values",
      "http://ingest/write/key_values/a%2Fb%3F",
      "http://reader/under/read/key_values/%C3%A4?min_version=7",
      "http://reader/under/read/key_values?key=a%26b&key=2",
    ])
    expect(seen.map(({ headers }) => headers.prefer)).toEqual([
      ...["wait=3", "return=representation, wait=30", undefined, "wait=1", undefined],
    ])
    expect(seen[0]).toMatchObject({
      headers: { "idempotency-key": "k", "content-type": "application/json" },
      body: '{"key":"a","value":"b"}',
    })
  })

  test("has the token, where there is one", async () => {
    const fetch = vi.fn(async (_: unknown, __?: RequestInit) => answer(202, TAKEN))
    await makeClient({ ...PLACES, token: "t", fetch }).delete("key_values", "a")
    const headers = new Headers(fetch.mock.calls[0]?.[1]?.headers)
    expect(headers.get("authorization")).toBe("Bearer t")
  })

  test("is the same each time, with one key, until it is answered", async () => {
    const { client, seen } = answered(
      ...["cut" as const, new Response('{"succ'), problem(429, "x"), problem(503, "queue-full")],
      answer(202, TAKEN),
    )
    const call = () => client.write("key_values", { key: "a", value: "b" })
    const { result, pauses } = await hurried(call)
    expect(result).toEqual({ version: 7, committed: false })
    expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1)
    expect(seen[0]?.headers["idempotency-key"]).toMatch(/^[\da-f]{32}$/)
    expect(pauses).toHaveLength(4)
    for (const [index, millis] of pauses.entries()) {
      expect(millis).toBeGreaterThanOrEqual(100 * 2 ** index)
      expect(millis).toBeLessThanOrEqual(200 * 2 ** index)
    }
  })

  test("waits as Retry-After asks, but not for ever", async () => {
    const after = (value: string) => problem(503, "queue-full", { "retry-after": value })
    const date = new Date(Date.now() + 20_000).toUTCString()
    const { client } = answered(...["3", "9999", date, "soon"].map(after), answer(202, TAKEN))
    const { pauses } = await hurried(() => client.delete("key_values", "a"))
    const [seconds = 0, long = 0, moment = 0, unread = 0] = pauses
    expect(seconds).toBeGreaterThan(3_000)
    expect(seconds).toBeLessThan(4_000)
    expect(long).toBeLessThan(31_000)
    expect(moment).toBeGreaterThan(17_000)
    expect(unread).toBeLessThan(2_000)
  })

  test("ends with the last error when no try helped, and with the key to go on with", async () => {
    const { client, seen } = answered()
    const { result } = await hurried(() => failed(client.delete("key_values", "a")))
    expect(result).toBeInstanceOf(ClientError)
    expect(result).toMatchObject({ status: 0, type: NO_ANSWER, errors: [] })
    expect(result.idempotencyKey).toBe(seen[0]?.headers["idempotency-key"])
    expect(seen).toHaveLength(5)
  })

  test.each([
    [422, "invalid-write"],
    [422, "idempotency-conflict"],
    [401, "unauthorized"],
    [500, "internal-error"],
  ])("is not repeated after %i %s", async (status, name) => {
    const { client, seen } = answered(problem(status, name))
    const error = await failed(client.write("key_values", { key: "a", value: "b" }))
    expect(error).toMatchObject({ status, type: `/problems/${name}`, detail: "Why." })
    expect(seen).toHaveLength(1)
  })

  test("that a balancer refuses is an error of the same class", async () => {
    const { client } = answered(new Response("<html>", { status: 403 }))
    expect(await failed(client.read("key_values", "a"))).toMatchObject({
      ...{ status: 403, type: "about:blank", idempotencyKey: null },
    })
  })
})

test("a row that is not there is null, and a table that is not there an error", async () => {
  const { client } = answered(problem(404, "no-such-key"), problem(404, "no-such-table"))
  expect(await client.read("key_values", "a")).toBeNull()
  expect(await failed(client.read("key_values", "a"))).toHaveProperty("status", 404)
})

test("who waits for a version asks again, until it is there or the time is over", async () => {
  const behind = () => problem(412, "version-not-reached")
  const { client, seen } = answered(behind(), answer(200, TAKEN), behind())
  expect(await client.waitFor("key_values", "a", 7, 60)).toEqual({ version: 7 })
  expect(seen.map(({ headers }) => headers.prefer)).toEqual(["wait=30", "wait=30"])
  expect(await failed(client.waitFor("key_values", "a", 7, 0))).toHaveProperty("status", 412)
})
