import { describe, expect, test } from "vitest"
import { KEYS_MAX } from "../../shared/rows.ts"
import { KEY_MAX_BYTES } from "../../shared/write.ts"
import { problemOf } from "../testing/app.ts"
import { EVENT, setUp, VALUE } from "./testing/app.ts"

const NO_TABLES = ["__proto__", "constructor", "toString", "Events", "event", "%ff", "a"]

const many = (count: number, path = "/read") =>
  `${path}?${Array.from({ length: count }, (_, number) => `key=${number}`).join("&")}`

describe("a row of a table", () => {
  test("that is appended is found by its version, its columns beside it", async () => {
    const { send, asked } = setUp()
    const { status, body } = await send("/read/events/17")
    expect(status).toBe(200)
    expect(body).toEqual({ success: true, ...EVENT, version: 17 })
    expect(asked).toEqual([["events", "17"]])
  })

  test("of keys is found by its key, as without the table", async () => {
    const { send, asked } = setUp()
    const named = await send("/read/key_values/a%2Fb")
    expect(named.body).toEqual({ success: true, key: "a/b", version: 17, ...VALUE })
    expect(named.body).toEqual((await send("/read/a%2Fb")).body)
    expect(asked).toEqual([
      ["key_values", "a/b"],
      ["key_values", "a/b"],
    ])
  })

  test("may have a key that is the name of a table", async () => {
    const { send, asked } = setUp()
    await send("/read/events")
    await send("/read/key_values/events")
    expect(asked).toEqual([
      ["key_values", "events"],
      ["key_values", "events"],
    ])
  })

  test.each(["a", "1.0", "01", "-1", "-0", "1e3", "0x1", "%201", "1%00", "%ff", "9".repeat(19)])(
    "that is appended has no version %s",
    async (version) => {
      const { send, asked } = setUp()
      const { status, body } = await send(`/read/events/${version}`)
      expect(status).toBe(400)
      expect(body).toEqual(problemOf("malformed-key", 400))
      expect(asked).toEqual([])
    },
  )

  test("that is not there is 404, also where no version is so high", async () => {
    const missing = ["17", "9007199254740993"]
    const { send, asked } = setUp({ missing })
    for (const version of missing) {
      const { status, body } = await send(`/read/events/${version}`)
      expect(status).toBe(404)
      expect(body).toEqual(problemOf("no-such-key", 404))
    }
    expect(asked).toEqual(missing.map((version) => ["events", version]))
  })

  test.each(NO_TABLES)("of %s is 404, and its name is not repeated", async (name) => {
    const { send, asked } = setUp()
    for (const path of [`/read/${name}/17`, `/read/${name}?key=17`]) {
      const { status, body, text } = await send(path)
      expect(status).toBe(404)
      expect(body).toEqual(problemOf("no-such-table", 404))
      if (name !== "a") expect(text).not.toContain(name)
    }
    expect(asked).toEqual([])
  })

  test("of a database that does not answer is 503", async () => {
    const error = new Error("canary")
    const { send, reported } = setUp({ read: () => Promise.reject(error) })
    for (const path of ["/read/events/17", "/read/events?key=17", "/read?key=a"]) {
      const { status, headers, body } = await send(path)
      expect([status, headers.get("retry-after")]).toEqual([503, "1"])
      expect(body).toEqual(problemOf("database-unavailable", 503))
    }
    expect(reported).toEqual([error, error, error])
  })
})

describe("several keys", () => {
  test("are answered in their order, each as often as it is asked for, from one query", async () => {
    const { send, asked } = setUp({ missing: ["b"] })
    const { status, body } = await send("/read?key=c&key=b&key=a&key=c")
    const row = (key: string) => ({ key, version: 17, ...VALUE })
    expect(status).toBe(200)
    expect(body).toEqual({ success: true, rows: [row("c"), null, row("a"), row("c")] })
    expect(asked).toEqual([["key_values", "c", "b", "a", "c"]])
  })

  test("may be those of a table, whose name stands where a key would", async () => {
    const { send, asked } = setUp({ missing: ["18"] })
    const { status, body } = await send("/read/events?key=18&key=17")
    expect(status).toBe(200)
    expect(body).toEqual({ success: true, rows: [null, { ...EVENT, version: 17 }] })
    expect(asked).toEqual([["events", "18", "17"]])
  })

  test("are told from a key by the name of the parameter alone", async () => {
    const { send, asked } = setUp()
    await send("/read/events?keys=17&KEY=18&=19&20")
    await send("/read/events?%6Bey=17&other=18&%ff=19")
    expect(asked).toEqual([
      ["key_values", "events"],
      ["events", "17"],
    ])
  })

  test("are decoded as a query is, strictly", async () => {
    const { send, asked } = setUp()
    const keys = ["a b", "a+b", "a&b=c", "100%", "é", "e\u0301", "🗝", "__proto__", "\r\n", "a/b"]
    await send(`/read?${keys.map((key) => `key=${encodeURIComponent(key)}`).join("&")}`)
    await send(`/read?${new URLSearchParams(keys.map((key) => ["key", key]))}`)
    expect(asked).toEqual([
      ["key_values", ...keys],
      ["key_values", ...keys],
    ])
  })

  test.each([
    ["", "%ff", "%", "%zz", "%00", "%ED%A0%80", ".", ".."],
    ["k".repeat(KEY_MAX_BYTES + 1)],
  ])("have the bounds of a key, each of them", async (...keys) => {
    const { send, asked } = setUp()
    for (const key of keys) {
      const { status, body } = await send(`/read?key=a&key=${key}`)
      expect(status).toBe(400)
      expect(body).toEqual(problemOf("malformed-key", 400))
    }
    expect((await send("/read?key")).status).toBe(400)
    expect(asked).toEqual([])
  })

  test("are as many as are allowed, and at least one", async () => {
    const { send, asked } = setUp()
    for (const path of ["/read", "/read/events"]) {
      expect((await send(many(KEYS_MAX, path))).body.rows).toHaveLength(KEYS_MAX)
    }
    for (const path of [
      many(KEYS_MAX + 1),
      many(KEYS_MAX + 1, "/read/events"),
      "/read",
      "/read?a=b",
    ]) {
      const { status, body } = await send(path)
      expect(status).toBe(422)
      expect(body).toEqual(problemOf("invalid-request", 422))
      expect(body.detail).toContain(`1 to ${KEYS_MAX} keys`)
    }
    expect(asked).toHaveLength(2)
  })

  test("with HEAD are answered without a body", async () => {
    const { status, text } = await setUp().send("/read?key=a", "HEAD")
    expect([status, text]).toEqual([200, ""])
  })
})
