/** What a client of the whole stack sees, whatever runs it: each case talks HTTP and nothing else. */
import { spawnSync } from "node:child_process"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { holdToContract } from "../testing/contract.ts"
import { type Stack, type StackOptions, startStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

const AWKWARD_KEYS = [
  "a/b",
  "100%",
  "%2F",
  "a?b#c",
  " spaces ",
  "käse",
  "e\u0301",
  "🗝",
  "__proto__",
]

export const flow = (name: string, options: StackOptions) =>
  describe(name, () => {
    let stack: Stack
    beforeAll(async () => {
      stack = await startStack(options)
      holdToContract(stack.urls)
    })
    afterAll(() => stack?.stop())

    test("a write is accepted with its version and becomes a row", async () => {
      const { client } = stack
      const response = await client.post("user:123", "John Doe")
      const answer = (await response.json()) as { version: number; queue_depth: number }
      expect(response.status).toBe(202)
      expect(answer).toMatchObject({
        success: true,
        key: "user:123",
        queued: true,
        message: "Write queued successfully",
      })
      expect(answer.queue_depth).toBeGreaterThan(0)
      const row = await client.visible("user:123", answer.version)
      expect(row).toMatchObject({ success: true, value: "John Doe", version: answer.version })
    })

    test("a key that nobody wrote is not found", async () => {
      expect((await stack.client.read("nobody")).status).toBe(404)
    })

    test("awkward keys and values read back byte for byte", async () => {
      const { client } = stack
      for (const key of AWKWARD_KEYS) {
        const value = `${key} "quoted" \\ {braces} NULL 🙂 \n\t`
        const version = await client.write(key, value)
        expect((await client.visible(key, version)).value).toBe(value)
      }
    })

    test("the last accepted write of a key is its row, and a reader sees no version fall", async () => {
      const { client } = stack
      let last = 0
      const writer = (async () => {
        for (let round = 1; round <= 50; round++) {
          last = await client.write("hot", `round ${round}`)
        }
      })()
      let seen = 0
      await until("the last version is visible", async () => {
        const row = await client.read("hot")
        if (row.status === 404) return false
        expect(row.version).toBeGreaterThanOrEqual(seen)
        seen = row.version
        return seen === last && row.value === "round 50"
      })
      await writer
    })

    test("a malformed body is refused, queues nothing, and quotes nothing", async () => {
      const { client, urls } = stack
      const before = (await client.drained()).writes_queued
      const response = await fetch(`${urls.ingest}/write`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"key":"canary-key","value":17}',
      })
      const text = await response.text()
      expect(response.status).toBe(422)
      expect(response.headers.get("content-type")).toContain("application/problem+json")
      expect(JSON.parse(text)).toMatchObject({ success: false, errors: [{ pointer: "/value" }] })
      expect(text).not.toContain("canary-key")
      expect((await client.stats()).writes_queued).toBe(before)
    })

    test("a foreign item gets a version, and what is no write is buried", async () => {
      const { client, keys } = stack
      const { connection } = stack.redis
      const before = await client.drained()
      await connection.lpush(keys.waiting, '{"key":"foreign","value":"pushed"}', "garbage")
      const row = await until("the foreign row", async () => {
        const found = await client.read("foreign")
        return found.status === 200 && found
      })
      expect(row.value).toBe("pushed")
      const after = await client.drained()
      expect(after.writes_queued).toBe(before.writes_queued + 2)
      expect(after.writes_failed).toBe(before.writes_failed + 1)
      expect(await connection.lindex(keys.dead, 0)).toContain("garbage")
    })

    test("the counters add up in every sample", async () => {
      const { client } = stack
      let done = false
      const writers = Promise.all(
        Array.from({ length: 8 }, async (_, writer) => {
          for (let round = 0; round < 40; round++) await client.write(`w${writer}:${round}`, "x")
        }),
      ).then(() => {
        done = true
      })
      let samples = 0
      while (!done) {
        const now = await client.stats()
        expect(now.queue_depth + now.in_flight + now.writes_processed + now.writes_failed).toBe(
          now.writes_queued,
        )
        samples += 1
      }
      await writers
      expect(samples).toBeGreaterThan(3)
      await client.drained()
    })

    test("every process says its metrics, as Prometheus reads them, without a key", async () => {
      const { client, urls, workers } = stack
      await client.visible("secret-key", await client.write("secret-key", "secret"))
      const scrape = async (url: string) => await (await fetch(`${url}/metrics`)).text()
      const worker = workers[0]?.url ?? ""
      const all = await Promise.all([...Object.values(urls), worker].map(scrape))
      const [ingest, reader, stats, work] = all
      const requests = "write_buffer_http_request_duration_seconds_count"
      expect(ingest).toMatch(`${requests}{method="POST",route="/write",status="202"}`)
      expect(reader).toMatch(`${requests}{method="GET",route="/read/:key",status="200"}`)
      expect(stats).toMatch(/^write_buffer_writes_processed_total [1-9]\d*$/m)
      expect(work).toMatch(/^write_buffer_worker_windows_total\{reason="Quiet"\} [1-9]\d*$/m)
      for (const text of all) {
        expect(text).not.toContain("secret")
        const { status, stdout, error } = spawnSync("promtool", ["check", "metrics"], {
          input: text,
        })
        if (error === undefined) expect([status, String(stdout)]).toEqual([0, ""])
      }
    })

    test("the page and its files are there, and so are events for it", async () => {
      const { urls } = stack
      for (const path of ["/", "/page.js", "/uplot.js"]) {
        expect((await fetch(urls.stats + path)).status).toBe(200)
      }
      const { body } = await fetch(`${urls.stats}/events`)
      const decoder = new TextDecoder()
      let text = ""
      for await (const bytes of body ?? []) {
        text += decoder.decode(bytes)
        if (text.split("data: ").length > 3) break
      }
      const [first, history, event] = text.split("\n\n")
      expect(first).toBe("retry: 1000")
      expect(history).toMatch(/^event: history\ndata: \[\[\d+,/)
      expect(event).toMatch(/^data: \{.*"queue_depth":\d.*\}$/)
    })

    test("health names its parts and is well", async () => {
      const health = await stack.client.health()
      expect(health).toMatchObject({ code: 200, redis: "up", postgres: "up", worker_active: true })
      expect(health.status).toBe(options.redis === "native" ? "healthy" : "degraded")
    })
  })
