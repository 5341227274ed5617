import { describe, expect, test } from "vitest"
import { KEY_MAX_BYTES } from "../../shared/write.ts"
import { problemOf } from "../testing/app.ts"
import { setUp, VALUE } from "./testing/app.ts"

describe("a read", () => {
  test("answers the row", async () => {
    const { status, headers, body } = await setUp().send("/read/user:123")
    expect(status).toBe(200)
    expect(headers.get("content-type")).toBe("application/json")
    expect(headers.get("cache-control")).toBe("no-cache")
    expect(headers.get("etag")).toBe('"17"')
    expect(body).toEqual({ success: true, key: "user:123", version: 17, ...VALUE })
  })

  test.each([
    ...["a/b", "100%", "%2F", "%25ff", "a?b#c", " spaces ", "a+b", "🗝", "مفتاح", "é", "e\u0301"],
    ...[
      "__proto__",
      "constructor",
      "\r\n",
      "\t",
      "\\",
      "...",
      "a;b=c&d",
      "~!*'()",
      "k".repeat(1_024),
    ],
  ])("finds %j, encoded with encodeURIComponent", async (key) => {
    const { send, asked } = setUp()
    expect((await send(`/read/${encodeURIComponent(key)}`)).status).toBe(200)
    expect(asked).toEqual([["key_values", key]])
  })

  test("does not take what follows ? for the key", async () => {
    const { send, asked } = setUp()
    expect((await send("/read/a?b=%zz")).status).toBe(200)
    expect(asked).toEqual([["key_values", "a"]])
  })

  test("with HEAD answers the same without a body", async () => {
    const { send, asked } = setUp()
    const { status, headers, text } = await send("/read/a", "HEAD")
    expect([status, text]).toEqual([200, ""])
    expect(headers.get("content-type")).toBe("application/json")
    expect(asked).toEqual([["key_values", "a"]])
  })

  test("of a key that has no row is 404, and not to be kept", async () => {
    const { send } = setUp({ missing: ["a"] })
    const { status, headers, body } = await send("/read/a")
    expect(status).toBe(404)
    expect(headers.get("content-type")).toBe("application/problem+json")
    expect(headers.get("cache-control")).toBe("no-store")
    expect(body).toEqual(problemOf("no-such-key", 404))
  })

  test("of a database that does not answer is 503, and never 404", async () => {
    const error = Object.assign(new Error("canary"), { code: "ECONNREFUSED" })
    const { send, reported } = setUp({ read: () => Promise.reject(error) })
    const { status, headers, body, text } = await send("/read/a")
    expect(status).toBe(503)
    expect(headers.get("retry-after")).toBe("1")
    expect(body).toEqual(problemOf("database-unavailable", 503))
    expect(text).not.toContain("canary")
    expect(reported).toEqual([error])
  })
})

describe("a path that is no key", () => {
  test.each([
    ["a percent sign alone", "/read/100%"],
    ["a percent sign before what is no number", "/read/%zz"],
    ["a percent sign cut short", "/read/%2"],
    ["bytes that are no UTF-8", "/read/%ff"],
    ["a surrogate encoded as UTF-8", "/read/%ED%A0%80"],
    ["an overlong encoding", "/read/%C0%AF"],
    ["U+0000", "/read/%00"],
    ["U+0000 after a key", "/read/a%00"],
    ["a byte too many", `/read/${"k".repeat(KEY_MAX_BYTES + 1)}`],
    ["too many bytes in few characters", `/read/${encodeURIComponent("é".repeat(600))}`],
  ])("is 400 with %s", async (_, path) => {
    const { send, asked } = setUp()
    const { status, body } = await send(path)
    expect(status).toBe(400)
    expect(body).toEqual(problemOf("malformed-key", 400))
    expect(asked).toEqual([])
  })

  test.each(["/read/", "/", "/red/a", "/read//a", "/read/?key=a"])("is 404 at %s", async (path) => {
    const { send, asked } = setUp()
    const { status, body } = await send(path)
    expect(status).toBe(404)
    expect(body).toEqual(problemOf("not-found", 404))
    expect(asked).toEqual([])
  })

  test.each(["/read/..", "/read/%2e%2e", "/read/.%2E", "/read/../x", "/read/%2E", "/read/."])(
    "is 404 at %s, which is another path by then",
    async (path) => {
      const { send, asked } = setUp()
      expect((await send(path)).status).toBe(404)
      expect(asked).toEqual([])
    },
  )

  test.each([
    ["/read/a/b", "no-such-table"],
    ["/read/%2F/b", "no-such-table"],
    ["/read/a/", "not-found"],
    ["/read/a//", "not-found"],
    ["/read/a/b/c", "not-found"],
    ["/read/events/", "not-found"],
    ["/read/events/1/2", "not-found"],
  ])("is 404 at %s, with the hint to encode", async (path, name) => {
    const { send, asked } = setUp()
    const { status, body } = await send(path)
    expect(status).toBe(404)
    expect(body).toEqual(problemOf(name, 404))
    expect(body.detail).toContain("encodeURIComponent")
    expect(asked).toEqual([])
  })

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])("is 405 with %s", async (method) => {
    const { send } = setUp()
    for (const path of ["/read/a", "/read", "/read/events/1", "/health"]) {
      const { status, headers } = await send(path, method)
      expect([status, headers.get("allow")]).toEqual([405, "GET, HEAD"])
    }
  })
})

describe("health", () => {
  test.each([
    [null, 200, { status: "healthy", postgres: "up" }],
    ["Why", 503, { status: "unhealthy", postgres: "down", reason: "Why" }],
  ])("with the trouble %s is %i, and says it", async (trouble, status, health) => {
    const answer = await setUp({ databaseTrouble: async () => trouble }).send("/health")
    expect(answer.status).toBe(status)
    expect(answer.body).toEqual(health)
  })

  test("is degraded when some tables cannot be read, and says which", async () => {
    const { status, body } = await setUp({ tableTrouble: async () => "Why" }).send("/health")
    expect(status).toBe(200)
    expect(body).toEqual({ status: "degraded", postgres: "up", reason: "Why" })
  })
})
