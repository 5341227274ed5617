import { Hono } from "hono"
import { describe, expect, test, vi } from "vitest"
import { addPage, PAGE_CALLS } from "./page.ts"

const app = new Hono()
addPage(app)
const paths = Object.keys(PAGE_CALLS).map((route) => route.slice("GET ".length))

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
    for (const path of paths) {
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
    const scripts = paths.filter((path) => /^\/(?!uplot).*js$/.test(path))
    for (const path of scripts) {
      const script = await (await app.request(path)).text()
      const imports = script.matchAll(/from "\.\/([^"]+)"/g)
      asked.push(...[...imports].map(([, name]) => name))
      // Behind a proxy with a path, only what is relative is found.
      expect(script).not.toMatch(/["'`]\/(?!\/)/)
    }
    const files = asked.filter((path) => path !== "data:,")
    expect(files.length).toBeGreaterThan(scripts.length)
    for (const path of files) expect(paths).toContain(`/${path}`)
    // The policy would refuse both.
    expect(html).not.toMatch(/ style=| on\w+=/)
  })
})
