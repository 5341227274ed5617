import { Hono } from "hono"
import { describe, expect, test } from "vitest"
import { answer, ENCODE_HINT, handleTheRest, problem, problemParts } from "./answer.ts"

describe("a problem", () => {
  test("has the members of RFC 9457, and says that it is no success", async () => {
    const response = problem("no-such-key")
    expect(response.status).toBe(404)
    expect(response.headers.get("content-type")).toBe("application/problem+json")
    expect(response.headers.get("cache-control")).toBe("no-store")
    expect(response.headers.get("retry-after")).toBeNull()
    expect(await response.json()).toEqual({
      success: false,
      type: "/problems/no-such-key",
      title: "No such key",
      status: 404,
      detail: "No write of this key has been applied, or it was deleted.",
    })
  })

  test("takes a better detail, errors, a time to come back, and headers", async () => {
    const errors = [{ pointer: "/key", detail: "is empty" }]
    const response = problem("invalid-write", {
      detail: "Better.",
      errors,
      retryAfterSeconds: 3,
      headers: { connection: "close" },
    })
    expect(response.headers.get("retry-after")).toBe("3")
    expect(response.headers.get("connection")).toBe("close")
    expect(await response.json()).toMatchObject({ detail: "Better.", errors })
  })

  test("can be had in parts", () => {
    const { status, headers, body } = problemParts("headers-too-large")
    expect([status, headers["content-type"]]).toEqual([431, "application/problem+json"])
    expect(JSON.parse(body)).toMatchObject({ status: 431 })
  })
})

describe("an app", () => {
  const setUp = () => {
    const reported: unknown[] = []
    const app = new Hono()
    app.get("/known", () => answer(200, { success: true }))
    app.get("/found/:key", () => answer(200, { success: true }))
    app.get("/fails", () => {
      throw new Error("canary")
    })
    const routes = { "GET /known": null, "GET /found/:key": null, "GET /fails": null }
    handleTheRest(app, routes, (error) => reported.push(error))
    return { app, reported }
  }

  test("answers no path of its own with 404, whatever the method", async () => {
    const { app } = setUp()
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const response = await app.request("/other", { method })
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({ type: "/problems/not-found" })
    }
  })

  test("hints at slashes where a path begins like one with a parameter", async () => {
    const detailAt = async (path: string) =>
      ((await (await setUp().app.request(path)).json()) as { detail: string }).detail
    for (const path of ["/found/a/b", "/found/a/"]) expect(await detailAt(path)).toBe(ENCODE_HINT)
    for (const path of ["/known/a", "/find/a/b"]) expect(await detailAt(path)).toMatch(/^There is/)
  })

  test("answers no method of a path with 405 and those that are", async () => {
    const { app } = setUp()
    expect((await app.request("/known")).status).toBe(200)
    expect((await app.request("/known", { method: "HEAD" })).status).toBe(200)
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const response = await app.request("/known", { method })
      expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"])
    }
  })

  test("answers what a handler throws with 500, and reports it", async () => {
    const { app, reported } = setUp()
    const response = await app.request("/fails")
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain("canary")
    expect(reported).toMatchObject([{ message: "canary" }])
  })
})
