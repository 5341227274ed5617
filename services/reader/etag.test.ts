import { describe, expect, test } from "vitest"
import { setUp } from "./testing/app.ts"

describe("a row that a client has", () => {
  const has = (tag: string) => ({ headers: { "if-none-match": tag } })

  test.each(['"17"', 'W/"17"', '"16", "17"', "*"])(
    "as %s is 304, with its tag and no body",
    async (tag) => {
      const { send } = setUp()
      for (const path of [
        "/read/a",
        "/read/key_values/a",
        "/read/events/17",
        "/read/a?min_version=17",
      ]) {
        for (const method of ["GET", "HEAD"]) {
          const { status, headers, text } = await send(path, method, has(tag))
          expect([status, text]).toEqual([304, ""])
          expect(headers.get("etag")).toBe('"17"')
          expect(headers.get("cache-control")).toBe("no-cache")
          expect(headers.get("content-type")).toBeNull()
        }
      }
    },
  )

  test("at another version is answered whole, with the new tag", async () => {
    const { status, headers, body } = await setUp().send("/read/a", "GET", has('"16"'))
    expect([status, headers.get("etag"), body.version]).toEqual([200, '"17"', 17])
    const head = await setUp().send("/read/a", "HEAD", has('"16"'))
    expect([head.status, head.headers.get("etag")]).toEqual([200, '"17"'])
  })

  test("and that is gone, or not yet at the version asked for, is no 304", async () => {
    const { send } = setUp({ missing: ["a"] })
    expect((await send("/read/a", "GET", has("*"))).status).toBe(404)
    expect((await send("/read/b?min_version=18", "GET", has("*"))).status).toBe(412)
  })

  test("among many is answered whole, and not to be kept", async () => {
    const { status, headers } = await setUp().send("/read?key=a", "GET", has("*"))
    expect([status, headers.get("etag")]).toEqual([200, null])
    expect(headers.get("cache-control")).toBe("no-store")
  })
})
