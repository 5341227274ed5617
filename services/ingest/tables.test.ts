import { describe, expect, test } from "vitest"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { TABLES } from "../../shared/tables.ts"
import { keyValue, rowOf } from "../../shared/testing/write.ts"
import { KEY_MAX_BYTES, type Write } from "../../shared/write.ts"
import { problemOf } from "../testing/app.ts"
import { setUp, VALUE_MAX_BYTES } from "./testing/app.ts"

const EVENT = { type: "click", payload: { x: 1 }, at: "2026-11-25T10:00:00.000Z" }

/** Names of what every object has, and what is nearly the name of a table. */
const NO_TABLES = [
  "__proto__",
  "constructor",
  "toString",
  "Events",
  "event",
  "key_values%20",
  "%ff",
]

const deletionOf = (key: string): Write => ({ table: DEFAULT_TABLE, row: { key }, isDelete: true })

describe("a row for a table", () => {
  test("that is appended has no key, which the answer says", async () => {
    const { postTo, writes } = setUp()
    const { status, body } = await postTo("events", EVENT)
    expect(status).toBe(202)
    expect(body).toEqual({
      success: true,
      table: "events",
      key: null,
      queued: true,
      queue_depth: 45,
      message: "Write queued successfully",
      version: 17,
    })
    expect(writes).toEqual([rowOf(TABLES.events, EVENT)])
  })

  test("of keys has one, also in the table that needs no name", async () => {
    const { postTo, writes } = setUp()
    const { status, body } = await postTo("key_values", { key: "a/b", value: "v" })
    expect(status).toBe(202)
    expect(body).toMatchObject({ table: "key_values", key: "a/b", version: 17 })
    expect(writes).toEqual([keyValue("a/b")])
  })

  test("is queued in the one form of each column", async () => {
    const { postTo, writes } = setUp()
    await postTo("events", { at: "2026-11-25T12:00:00+02:00", payload: [], type: "" })
    expect(writes[0]?.row).toEqual({ type: "", payload: [], at: "2026-11-25T10:00:00.000Z" })
  })

  test.each([
    ["nothing", {}, ["/type", "/payload", "/at"]],
    ["a day that is none", { ...EVENT, at: "2026-02-31T00:00:00Z" }, ["/at"]],
    ["a member that is no column", { ...EVENT, "a/b~": 1 }, ["/a~1b~0"]],
    ["U+0000 inside of JSON", { ...EVENT, payload: [{ a: "\0" }] }, ["/payload"]],
    ["too much in all", { ...EVENT, type: "x".repeat(VALUE_MAX_BYTES - 1) }, [""]],
    ["an array", [EVENT], [""]],
  ])("is refused with %s", async (_, row, pointers) => {
    const { postTo, writes } = setUp()
    const { status, body } = await postTo("events", row)
    expect(status).toBe(422)
    expect(body).toMatchObject(problemOf("invalid-write", 422))
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers)
    expect(writes).toEqual([])
  })

  test.each(NO_TABLES)("for %s is 404 before its body is read, and not repeated", async (name) => {
    const { send, writes } = setUp()
    const { status, body, text } = await send({ method: "POST", body: "{" }, `/write/${name}`)
    expect(status).toBe(404)
    expect(body).toEqual(problemOf("no-such-table", 404))
    expect(text).not.toContain(name)
    expect(writes).toEqual([])
  })

  test("that is appended may be there twice when its outcome is unknown", async () => {
    const outcome = { refused: "outcome-unknown", retryAfterSeconds: 1 } as const
    const { postTo, post } = setUp({ outcome })
    const { status, body, headers } = await postTo("events", EVENT)
    expect([status, headers.get("retry-after")]).toEqual([503, "1"])
    expect(body.type).toBe("/problems/outcome-unknown")
    expect(body.detail).toContain("twice")
    expect((await post('{"key":"a","value":"v"}')).body.detail).toContain("harmless")
  })
})

describe("a deletion", () => {
  test("is queued with the key and answered with its version", async () => {
    const { remove, writes } = setUp()
    const { status, body } = await remove("user:123")
    expect(status).toBe(202)
    expect(body).toEqual({
      success: true,
      key: "user:123",
      queued: true,
      queue_depth: 45,
      message: "Deletion queued successfully",
      deleted: true,
      version: 17,
    })
    expect(writes).toEqual([deletionOf("user:123")])
  })

  test("may name the table", async () => {
    const { remove, writes } = setUp()
    const { status, body } = await remove("key_values/user:123")
    expect(status).toBe(202)
    expect(body).toMatchObject({ table: "key_values", key: "user:123", deleted: true })
    expect(writes).toEqual([deletionOf("user:123")])
  })

  test.each([
    "a/b",
    "100%",
    "%2F",
    "a?b#c",
    " ",
    "a+b",
    "🗝",
    "e\u0301",
    "__proto__",
    "\r\n",
    "events",
  ])("finds %j, encoded with encodeURIComponent", async (key) => {
    const { remove, writes } = setUp()
    for (const path of ["", "key_values/"]) {
      const { status, body } = await remove(path + encodeURIComponent(key))
      expect([status, body.key]).toEqual([202, key])
    }
    expect(writes).toEqual([deletionOf(key), deletionOf(key)])
  })

  test.each(["100%", "%zz", "%ff", "%ED%A0%80", "%00", "k".repeat(KEY_MAX_BYTES + 1)])(
    "of %s is 400: no write could have that key",
    async (key) => {
      const { remove, writes } = setUp()
      for (const path of ["", "key_values/"]) {
        const { status, body } = await remove(path + key)
        expect(status).toBe(400)
        expect(body).toEqual(problemOf("malformed-key", 400))
      }
      expect(writes).toEqual([])
    },
  )

  test("does not read a body: what is deleted stands in the path", async () => {
    const { remove, writes } = setUp()
    expect(
      (await remove("a", { body: "{", headers: { "content-type": "text/plain" } })).status,
    ).toBe(202)
    expect((await remove("a?key=b")).body.key).toBe("a")
    expect(writes).toEqual([deletionOf("a"), deletionOf("a")])
  })

  test("in a table whose rows are not deleted is 405, and nothing else is allowed", async () => {
    const { remove, writes } = setUp()
    const { status, headers, body } = await remove("events/17")
    expect([status, headers.get("allow")]).toEqual([405, ""])
    expect(body).toEqual(problemOf("method-not-allowed", 405))
    expect(writes).toEqual([])
  })

  test.each(NO_TABLES)("in %s is 404, with the hint to encode", async (name) => {
    const { remove, writes } = setUp()
    const { status, body } = await remove(`${name}/a`)
    expect(status).toBe(404)
    expect(body).toEqual(problemOf("no-such-table", 404))
    expect(body.detail).toContain("encodeURIComponent")
    expect(writes).toEqual([])
  })

  test.each(["a/b/c", "a/", "key_values/", "key_values/a/b"])(
    "at %s is 404, with the hint to encode",
    async (path) => {
      const { remove, writes } = setUp()
      const { status, body } = await remove(path)
      expect(status).toBe(404)
      expect(body).toEqual(problemOf("not-found", 404))
      expect(body.detail).toContain("encodeURIComponent")
      expect(writes).toEqual([])
    },
  )

  test.each(["queue-full", "queue-unavailable", "outcome-unknown"] as const)(
    "that is refused is the problem %s, as a write is",
    async (refused) => {
      const { remove } = setUp({ outcome: { refused, retryAfterSeconds: 7 } })
      const { status, headers, body } = await remove("canary")
      expect([status, headers.get("retry-after")]).toEqual([503, "7"])
      expect(body).toEqual(problemOf(refused, 503))
    },
  )
})

describe("another method", () => {
  test.each([
    ["/write/a", "POST, DELETE"],
    ["/write/a/b", "DELETE"],
  ])("at %s is 405", async (path, allowed) => {
    for (const method of ["GET", "HEAD", "PUT", "PATCH", "OPTIONS"]) {
      const { status, headers } = await setUp().send({ method }, path)
      expect([status, headers.get("allow")]).toEqual([405, allowed])
    }
  })
})
