import { describe, expect, test } from "vitest"
import { STATS, setUp, withoutRedis } from "./testing/app.ts"

describe("GET /stats", () => {
  test("answers the figures, not to be kept", async () => {
    const { status, headers, body } = await setUp().send("/stats")
    expect(status).toBe(200)
    expect(headers.get("cache-control")).toBe("no-store")
    expect(body).toEqual(STATS)
  })

  test("does not ask the database", async () => {
    const databaseTrouble = () => new Promise<never>(() => {})
    expect((await setUp({}, { databaseTrouble }).send("/stats")).status).toBe(200)
  })

  test("is 503 when Redis does not answer", async () => {
    const { send, reported } = setUp({}, withoutRedis())
    const { status, headers, body, text } = await send("/stats")
    expect(status).toBe(503)
    expect(headers.get("retry-after")).toBe("1")
    expect(body).toMatchObject({ success: false, type: "/problems/statistics-unavailable" })
    expect(text).not.toContain("canary")
    expect(reported).toHaveLength(1)
  })
})

describe("another call", () => {
  test.each(["/page", "/stat", "/stats/", "/health/x"])("to %s is 404", async (path) => {
    expect((await setUp().send(path)).status).toBe(404)
  })

  test.each(["POST", "DELETE", "OPTIONS"])("with %s is 405", async (method) => {
    for (const path of ["/stats", "/health"]) {
      const { status, headers } = await setUp().send(path, method)
      expect([status, headers.get("allow")]).toEqual([405, "GET, HEAD"])
    }
  })

  test("with HEAD has no body", async () => {
    const { status, text } = await setUp().send("/stats", "HEAD")
    expect([status, text]).toEqual([200, ""])
  })
})
