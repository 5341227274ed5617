import { Metric } from "effect"
import { Hono } from "hono"
import { describe, expect, test } from "vitest"
import { handleTheRest } from "./answer.ts"
import { makeRegistry, metered, type Registry } from "./metrics.ts"

const CALLS = {
  "GET /read/:key": null,
  "GET /read/:table/:key": null,
  "POST /write": null,
  "GET /broken": null,
  "GET /metrics": null,
}

const setUp = (more?: () => Promise<Registry>) => {
  const app = new Hono()
  app.get("/read/:key", ({ text }) => text("a row"))
  app.get("/read/:table/:key", ({ text }) => text("no table", 404))
  app.post("/write", async ({ text }) => text("queued", 202))
  app.get("/broken", () => {
    throw new Error("canary")
  })
  handleTheRest(app, CALLS, () => {})
  const fetch = metered(app, CALLS, more)
  const send = async (method: string, path: string) =>
    await fetch(new Request(`http://localhost${path}`, { method }))
  const scrape = async () => await (await send("GET", "/metrics")).text()
  return { send, scrape }
}

/** How often a request of this method, route and status was counted. */
const counted = (text: string, method: string, route: string, status: number) => {
  const labels = `method="${method}",route="${route}",status="${status}"`
  const line = `write_buffer_http_request_duration_seconds_count{${labels}} `
  return Number(
    text
      .split("\n")
      .find((one) => one.startsWith(line))
      ?.slice(line.length) ?? 0,
  )
}

describe("a request", () => {
  test("is counted under the pattern of its route, and its answer is passed on", async () => {
    const { send, scrape } = setUp()
    expect(await (await send("GET", "/read/secret-key")).text()).toBe("a row")
    await send("GET", "/read/other-key?with=query")
    await send("GET", "/read/a/b")
    expect((await send("POST", "/write")).status).toBe(202)
    expect((await send("GET", "/broken")).status).toBe(500)
    const text = await scrape()
    expect(counted(text, "GET", "/read/:key", 200)).toBe(2)
    expect(counted(text, "GET", "/read/:table/:key", 404)).toBe(1)
    expect(counted(text, "POST", "/write", 202)).toBe(1)
    expect(counted(text, "GET", "/broken", 500)).toBe(1)
    expect(text).not.toMatch(/secret-key|other-key|canary/)
  })

  test("of any path or method that no route has makes one series", async () => {
    const { send, scrape } = setUp()
    for (const path of ["/a", "/b", "/readings", "/write/x", "/"]) await send("GET", path)
    for (const method of ["PROPFIND", "PUT"]) await send(method, "/a")
    const text = await scrape()
    expect(counted(text, "GET", "other", 404)).toBe(5)
    expect(counted(text, "other", "other", 404)).toBe(2)
  })

  test("falls into each bucket from its own duration upwards", async () => {
    const { send, scrape } = setUp()
    await send("POST", "/write")
    const buckets = (await scrape()).match(/_bucket\{.*route="\/write".*/g) ?? []
    expect(buckets.at(-1)).toMatch(/le="\+Inf"\} 1$/)
    const counts = buckets.map((line) => Number(line.split(" ").at(-1)))
    expect(counts).toEqual(counts.toSorted())
  })
})

describe("GET /metrics", () => {
  test("is text as Prometheus reads it, and not counted itself", async () => {
    const { send, scrape } = setUp()
    const response = await send("GET", "/metrics")
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
    expect(response.headers.get("cache-control")).toBe("no-store")
    const text = await scrape()
    expect(text).toMatch(/^process_resident_memory_bytes \d{7,}$/m)
    expect(text).toMatch(/^process_cpu_seconds_total [\d.]+$/m)
    expect(text).toMatch(/^process_start_time_seconds 1\d{9}\.\d+$/m)
    expect(text).not.toContain("/metrics")
  })

  test("has what the process adds, made anew each time", async () => {
    let depth = 0
    const gauge = Metric.gauge("depth", { description: "How many wait." })
    const { scrape } = setUp(async () => {
      const registry = makeRegistry()
      gauge.updateUnsafe(++depth, registry)
      return registry
    })
    expect(await scrape()).toContain("# HELP depth How many wait.\n# TYPE depth gauge\ndepth 1\n")
    expect(await scrape()).toContain("\ndepth 2\n")
  })

  test("knows no other method", async () => {
    const response = await setUp().send("POST", "/metrics")
    expect(response.status).toBe(405)
    expect(response.headers.get("allow")).toBe("GET, HEAD")
  })
})
