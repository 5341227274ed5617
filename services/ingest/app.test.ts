import { describe, expect, test } from "vitest"
import { keyValue } from "../../shared/testing/write.ts"
import { KEY_MAX_BYTES } from "../../shared/write.ts"
import { problemOf } from "../testing/app.ts"
import { setUp, VALUE_MAX_BYTES } from "./testing/app.ts"

const json = (write: object) => JSON.stringify(write)

describe("a write", () => {
  test("is handed over whole and answered with its version and the depth", async () => {
    const { post, writes } = setUp()
    const { status, headers, body } = await post(json({ key: "user:123", value: "John Doe" }))
    expect(status).toBe(202)
    expect(headers.get("content-type")).toBe("application/json")
    expect(headers.get("cache-control")).toBe("no-store")
    expect(body).toEqual({
      success: true,
      key: "user:123",
      queued: true,
      queue_depth: 45,
      message: "Write queued successfully",
      version: 17,
    })
    expect(writes).toEqual([keyValue("user:123", "John Doe")])
  })

  test.each([
    ...["   ", "\ta ", "a/b", "100%", "%2F", "a?b#c", "🗝", "مفتاح", "e\u0301", "é"],
    ...["__proto__", "constructor", "hasOwnProperty", "toString", "\r\n"],
    "k".repeat(KEY_MAX_BYTES),
  ])("keeps the key %j byte for byte", async (key) => {
    const { post, writes } = setUp()
    const { status, body } = await post(json({ key, value: "" }))
    expect(status).toBe(202)
    expect(body.key).toBe(key)
    expect(writes).toEqual([keyValue(key, "")])
  })

  test("has no member that is no column, whatever its name is", async () => {
    const { post, writes } = setUp()
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":1},"key":"a","value":"b"}'
    const { status, body } = await post(text)
    expect(status).toBe(422)
    expect(body.errors).toEqual([
      { pointer: "/__proto__", detail: "is no column" },
      { pointer: "/constructor", detail: "is no column" },
    ])
    expect(writes).toEqual([])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test("takes the last of two members with one name", async () => {
    const { post, writes } = setUp()
    expect((await post('{"key":"a","key":"b","value":"v"}')).status).toBe(202)
    expect(writes).toEqual([keyValue("b")])
  })

  test("may be as large as its limit, however it is escaped", async () => {
    const { post } = setUp()
    const escaped = "\\u0041".repeat(VALUE_MAX_BYTES)
    expect((await post(`{"key":"a","value":"${escaped}"}`)).status).toBe(202)
  })
})

describe("what is no write", () => {
  test("is refused with what its body is refused for, and not queued", async () => {
    const { post, writes } = setUp()
    const answer = await post("{")
    expect(answer.status).toBe(400)
    expect(answer.headers.get("content-type")).toBe("application/problem+json")
    expect(answer.headers.get("cache-control")).toBe("no-store")
    expect(answer.body).toEqual(problemOf("malformed-body", 400))
    expect(writes).toEqual([])
  })

  test.each([
    ["null", "null", ""],
    ["a number", "1", ""],
    ["a string", '"x"', ""],
    ["an array", "[]", ""],
    ["without a key", '{"value":"v"}', "/key"],
    ["without a value", '{"key":"a"}', "/value"],
    ["with a number as key", '{"key":1,"value":"v"}', "/key"],
    ["with a boolean as key", '{"key":true,"value":"v"}', "/key"],
    ["with an object as key", '{"key":{},"value":"v"}', "/key"],
    ["with an empty key", '{"key":"","value":"v"}', "/key"],
    ["with a key of too many bytes", json({ key: "é".repeat(600), value: "v" }), "/key"],
    ["with U+0000 in the key", '{"key":"a\\u0000","value":"v"}', "/key"],
    ["with U+0000 in the value", '{"key":"a","value":"\\u0000"}', "/value"],
    ["with a lone surrogate in the key", '{"key":"\\ud800","value":"v"}', "/key"],
    ["with a lone surrogate in the value", '{"key":"a","value":"\\udfff"}', "/value"],
    ["with a dot as key", '{"key":".","value":"v"}', "/key"],
    ["with two dots as key", '{"key":"..","value":"v"}', "/key"],
    ["with a number as value", '{"key":"a","value":9007199254740993}', "/value"],
    ["with an infinite value", '{"key":"a","value":1e999}', "/value"],
    ["with null as value", '{"key":"a","value":null}', "/value"],
    [
      "with nothing but depth",
      `{"key":"a","value":${"[".repeat(500)}${"]".repeat(500)}}`,
      "/value",
    ],
    ["with a member that is no column", '{"key":"a","value":"v","ttl":60}', "/ttl"],
    ["a byte too long", json({ key: "a", value: "v".repeat(VALUE_MAX_BYTES + 1) }), "/value"],
    ["two bytes too long", json({ key: "a", value: "é".repeat(33) }), "/value"],
  ])("is invalid when it is %s", async (_, body, pointer) => {
    const { post, writes } = setUp()
    const answer = await post(body)
    expect(answer.status).toBe(422)
    expect(answer.headers.get("content-type")).toBe("application/problem+json")
    expect(answer.body).toEqual({
      ...problemOf("invalid-write", 422),
      errors: [{ pointer, detail: expect.any(String) }],
    })
    expect(writes).toEqual([])
  })

  test("hears of everything that is wrong with it, and nothing of what it holds", async () => {
    const { post } = setUp()
    const { body, text } = await post('{"key":["canary"],"value":{"canary":1}}')
    expect(body.errors).toEqual([
      { pointer: "/key", detail: "is not a string" },
      { pointer: "/value", detail: "is not a string" },
    ])
    expect(text).not.toContain("canary")
  })

  test("does not end the process when it is nested as deep as a body can be", async () => {
    const { post } = setUp({ valueMaxBytes: 65_536 })
    const depth = 190_000
    const body = `{"key":"a","value":${"[".repeat(depth)}${"]".repeat(depth)}}`
    expect((await post(body)).status).toBe(422)
  })
})

describe("the answer", () => {
  test.each(["queue-full", "queue-unavailable", "outcome-unknown"] as const)(
    "to a refused write is the problem %s with its Retry-After",
    async (refused) => {
      const { post } = setUp({ outcome: { refused, retryAfterSeconds: 7 } })
      const answer = await post(json({ key: "canary", value: "canary" }))
      expect(answer.status).toBe(503)
      expect(answer.headers.get("retry-after")).toBe("7")
      expect(answer.headers.get("content-type")).toBe("application/problem+json")
      expect(answer.body).toEqual(problemOf(refused, 503))
      expect(answer.text).not.toContain("canary")
    },
  )

  test("to what nobody foresaw holds nothing of the error, which is reported", async () => {
    const error = new Error("canary")
    const { post, reported } = setUp({ put: () => Promise.reject(error) })
    const answer = await post(json({ key: "a", value: "b" }))
    expect(answer.status).toBe(500)
    expect(answer.body).toEqual(problemOf("internal-error", 500))
    expect(answer.text).not.toContain("canary")
    expect(reported).toEqual([error])
  })

  test.each(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "to %s /write names the method that is allowed",
    async (method) => {
      const { status, headers } = await setUp().send({ method })
      expect(status).toBe(405)
      expect(headers.get("allow")).toBe("POST")
    },
  )

  test.each(["/", "/writ", "/write/", "/writes/a/b", "/WRITE"])("at %s is 404", async (path) => {
    const answer = await setUp().send({ method: "POST" }, path)
    expect(answer.status).toBe(404)
    expect(answer.body).toEqual(problemOf("not-found", 404))
  })

  test("to another site's preflight allows nothing", async () => {
    const headers = {
      origin: "https://evil.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    }
    const answer = await setUp().send({ method: "OPTIONS", headers })
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual(
      [],
    )
  })
})

describe("health", () => {
  test.each([
    [200, { status: "healthy", redis: "up" }],
    [200, { status: "degraded", redis: "up", reason: "queue-full" }],
    [503, { status: "unhealthy", redis: "up", reason: "READONLY" }],
    [503, { status: "unhealthy", redis: "down", reason: "no reply" }],
  ] as const)("is %i with %o", async (status, health) => {
    const answer = await setUp({ probe: async () => health }).send({}, "/health")
    expect(answer.status).toBe(status)
    expect(answer.body).toEqual(health)
    expect(answer.headers.get("cache-control")).toBe("no-store")
  })

  test("can be asked with HEAD and with nothing else", async () => {
    const { send } = setUp()
    expect((await send({ method: "HEAD" }, "/health")).status).toBe(200)
    const refused = await send({ method: "POST" }, "/health")
    expect(refused.status).toBe(405)
    expect(refused.headers.get("allow")).toBe("GET, HEAD")
  })
})
