/** One trace from a POST to its commit, through all processes, as a collector sees it. */
import { randomBytes } from "node:crypto"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { TABLES } from "../../shared/tables.ts"
import { TABLE } from "../../shared/testing/table.ts"
import { type Collector, type Span, startCollector } from "../testing/collector.ts"
import { type Stack, type StackOptions, startStack } from "../testing/stack.ts"

/** No span may have it. */
const CANARY = "canary"

/** A client's span, and the header that names it. */
const makeClient = (isSampled = true) => {
  const traceId = randomBytes(16).toString("hex")
  const spanId = randomBytes(8).toString("hex")
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-0${isSampled ? 1 : 0}` }
}

const named = (spans: ReadonlyArray<Span>, name: string) =>
  spans.filter((span) => span.name === name)
const idOf = ({ traceId, spanId }: Pick<Span, "traceId" | "spanId">) => ({ traceId, spanId })
const outcomesOf = (spans: ReadonlyArray<Span>) =>
  named(spans, "commit").map(({ attributes }) => attributes["write_buffer.outcome"])

export const traces = (name: string, options: StackOptions) =>
  describe(name, () => {
    let collector: Collector
    let stack: Stack
    beforeAll(async () => {
      collector = await startCollector()
      stack = await startStack({
        ...options,
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/base/`,
          OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20secret",
        },
      })
      await stack.postgres.sql(
        `alter table ${TABLE} add constraint no_poison check (value not like 'poison%')`,
      )
    })
    afterAll(async () => {
      await stack?.stop()
      collector?.stop()
    })

    const send = async (
      path: string,
      body: string,
      headers: Record<string, string>,
      method = "POST",
    ) => {
      const response = await fetch(stack.urls.ingest + path, {
        ...{ method, body: method === "POST" ? body : null },
        headers: { "content-type": "application/json", ...headers },
      })
      expect(await response.json()).toMatchObject({ success: true })
      return response
    }
    const row = (key: string, value: string) => JSON.stringify({ key, value })

    test("a write is in its client's trace, from the request to the commit", async () => {
      const { traceparent, traceId, spanId } = makeClient()
      await send("/write", row(`${CANARY}-1`, CANARY), { traceparent })
      const spans = await collector.spansOf(traceId, "commit")
      const [request] = named(spans, "POST /write") as [Span]
      const [commit] = named(spans, "commit") as [Span]
      expect(spans).toHaveLength(2)
      expect(request).toMatchObject({
        ...{ parentSpanId: spanId, service: "write-buffer-ingest" },
        attributes: { "http.route": "/write", "http.response.status_code": 202 },
      })
      expect(commit).toMatchObject({
        ...{ parentSpanId: request.spanId, service: "write-buffer-worker" },
        attributes: { "write_buffer.outcome": "committed", "write_buffer.table": TABLE },
      })
      expect(BigInt(commit.endTimeUnixNano)).toBeGreaterThan(BigInt(commit.startTimeUnixNano))
      const [batch] = collector.spans.filter(({ spanId }) => spanId === commit.links[0]?.spanId)
      expect(batch?.name).toBe("batch")
      expect(batch?.links).toContainEqual(idOf(request))
      expect(batch?.attributes).toMatchObject({
        "write_buffer.batch.size": expect.any(Number),
        "write_buffer.queue.depth": expect.any(Number),
        "write_buffer.batch.closing": expect.stringMatching(/^(Full|Asked|Elapsed|Quiet)$/),
      })
    })

    test("without a traceparent it is in a trace of its own, and so is a read", async () => {
      const version = await stack.client.write("own", "a")
      await stack.client.visible("own", version)
      const [read] = await Promise.all([
        collector.spanOf((span) => span.name === "GET /read/:key"),
        collector.spanOf((span) => span.name === "POST /write" && !span.parentSpanId),
      ])
      expect(read.service).toBe("write-buffer-reader")
      expect(read.attributes["http.route"]).toBe("/read/:key")
    })

    test("of two writes of a key in a batch the older one is superseded", async () => {
      const { traceparent, traceId } = makeClient()
      await send("/writes", `[${row("twice", "a")},${row("twice", "b")}]`, { traceparent })
      const spans = await collector.spansOf(traceId, "commit", 2)
      expect(outcomesOf(spans).toSorted()).toEqual(["committed", "superseded"])
      expect(named(spans, "POST /writes")).toHaveLength(1)
    })

    test("a write that PostgreSQL refuses ends as a dead letter", async () => {
      const { traceparent, traceId } = makeClient()
      await send("/write", row("bad", "poison"), { traceparent })
      const spans = await collector.spansOf(traceId, "commit")
      expect(outcomesOf(spans)).toEqual(["dead letter"])
      expect(named(spans, "commit")[0]?.status.code).toBe(2)
      // A replay is another road: it is in nobody's trace.
      expect(await stack.redis.connection.lindex(stack.keys.dead, 0)).not.toContain("trace")
    })

    test("rows of other tables and deletions are traced as well", async () => {
      const [one, other] = [makeClient(), makeClient()]
      const event = JSON.stringify({ type: CANARY, payload: CANARY, at: "2026-11-25T10:00:00Z" })
      await send("/write/events", event, { traceparent: one.traceparent })
      await send("/write/twice", "", { traceparent: other.traceparent }, "DELETE")
      const [stored] = named(await collector.spansOf(one.traceId, "commit"), "commit")
      expect(stored?.attributes["write_buffer.table"]).toBe(TABLES.events.name)
      expect(outcomesOf(await collector.spansOf(other.traceId, "commit"))).toEqual(["committed"])
    })

    test("a repetition with the same idempotency key is one write, whatever its trace is", async () => {
      const headers = { "idempotency-key": "once" }
      const [first, second] = [makeClient(), makeClient()]
      const body = row("once", "a")
      const answers = [
        await send("/write", body, { ...headers, traceparent: first.traceparent }),
        await send("/write", body, { ...headers, traceparent: second.traceparent }),
      ]
      const [location, repeated] = answers.map((answer) => answer.headers.get("location"))
      expect(repeated).toBe(location)
      expect(answers[1]?.headers.get("idempotency-replayed")).toBe("true")
      expect(outcomesOf(await collector.spansOf(first.traceId, "commit"))).toEqual(["committed"])
      const again = await collector.spansOf(second.traceId, "POST /write")
      expect(outcomesOf(again)).toEqual([])
    })

    test("a trace that its client does not sample is none here, and no span has a key or a value", async () => {
      const [unsampled, last] = [makeClient(false), makeClient()]
      await send("/write", row(`${CANARY}-2`, CANARY), { traceparent: unsampled.traceparent })
      await stack.client.drained()
      await send("/write", row("last", "a"), { traceparent: last.traceparent })
      await collector.spansOf(last.traceId, "commit")
      const all = collector.requests.map(({ body }) => body).join()
      expect(all).not.toContain(unsampled.traceId)
      expect(all).not.toContain(CANARY)
      for (const { url, headers } of collector.requests) {
        expect([url, headers["x-key"]]).toEqual(["/base/v1/traces", "a secret"])
      }
    })

    test("every process ends as soon as ever, with its last spans sent", async () => {
      const { traceparent, traceId } = makeClient()
      await send("/write", row("end", "a"), { traceparent })
      await stack.client.drained()
      for (const member of stack.members) {
        const at = performance.now()
        expect(await member.end("SIGTERM")).toEqual({ code: 0, signal: null })
        expect(performance.now() - at).toBeLessThan(5_000)
      }
      const spans = await collector.spansOf(traceId, "commit")
      expect(named(spans, "POST /write")).toHaveLength(1)
    })
  })
