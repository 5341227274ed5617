import { Hono } from "hono"
import { describe, expect, test, vi } from "vitest"
import { addPage, PAGE_PATHS } from "./page.ts"

const app = new Hono()
addPage(app)

describe("the page", () => {
  test("says that it is unavailable when its files cannot be read, until they can", async () => {
    const other = new Hono()
    const read = vi.fn(async () => "text")
    read.mockRejectedValueOnce(new Error("canary"))
    addPage(other, read)
    const refused = await other.request("/")
    expect(refused.status).toBe(503)
    expect(await refused.text()).not.toContain("canary")
    for (let i = 0; i < 3; i++) expect(await (await other.request("/")).text()).toBe("text")
    expect(read).toHaveBeenCalledTimes(2)
  })

  test("has files of the right types, and lets them load nothing from elsewhere", async () => {
    for (const path of PAGE_PATHS.keys()) {
      const { status, headers } = await app.request(path)
      expect(status).toBe(200)
      const type = path.endsWith(".js") ? "javascript" : path.endsWith(".css") ? "css" : "html"
      expect(headers.get("content-type")).toBe(`text/${type}; charset=utf-8`)
      expect(headers.get("x-content-type-options")).toBe("nosniff")
      const policy = headers.get("content-security-policy")
      expect(policy).toContain("default-src 'none'")
      expect(policy).not.toMatch(/unsafe|http|\*/)
    }
  })

  test("asks for files that there are, and for no others", async () => {
    const html = await (await app.request("/")).text()
    const asked = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path)
    expect(asked.filter((path) => path !== "data:,")).not.toHaveLength(0)
    for (const path of asked)
      if (path !== "data:,") expect(PAGE_PATHS.get(path ?? "")).toBeDefined()
    // The policy would refuse both.
    expect(html).not.toMatch(/ style=| on\w+=/)
  })
})
