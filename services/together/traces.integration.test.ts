/** Traces from end to end on Node; and what a collector that is away, or is not asked for, costs. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Collector, startCollector } from "../testing/collector.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { type Stack, startStack, useStack } from "../testing/stack.ts"
import { until } from "../testing/until.ts"
import { traces } from "./traces.suite.ts"

const redis = REDIS_KINDS[0]

traces("traces", { redis })

/** Has a process say which modules of its own it loads. */
const LOADS = `import { registerHooks } from "node:module"
registerHooks({ load: (url, context, next) => {
  if (url.includes("/shared/tracing/")) console.log("loaded " + url.split("/").at(-1))
  return next(url, context)
} })`
const NODE_OPTIONS = `--import=data:text/javascript;base64,${btoa(LOADS)}`

const loadedBy = (lines: ReadonlyArray<string>) =>
  lines.flatMap((line) => /loaded (\S+)/.exec(line)?.[1] ?? []).toSorted()

const ALWAYS = ["context.ts", "open.ts", "variables.ts"]
const MAKERS = ["exporter.ts", "sampler.ts", "tracer.ts"]

describe("without an endpoint", () => {
  const stack = useStack({ redis, env: { NODE_OPTIONS } })

  test("nothing of what makes traces is loaded, and items carry nothing", async () => {
    const { client, members, redis, keys, dismiss, workers } = stack()
    for (const { lines } of members) expect(loadedBy(lines)).toEqual(ALWAYS)
    for (const worker of workers) await dismiss(worker)
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    const response = await fetch(`${stack().urls.ingest}/write`, {
      method: "POST",
      headers: { "content-type": "application/json", traceparent },
      body: '{"key":"a","value":"b"}',
    })
    expect(response.status).toBe(202)
    expect(await redis.connection.lindex(keys.waiting, 0)).toMatch(/^\{"version":\d+,"key":"a"/)
    expect((await client.stats()).queue_depth).toBe(1)
  })
})

describe.each([
  ["is away", async () => null],
  ["never answers", () => startCollector(() => {})],
])("with a collector that %s", (_, start) => {
  let collector: Collector | null
  let stack: Stack
  beforeAll(async () => {
    collector = await start()
    const endpoint = collector?.url ?? "http://127.0.0.1:1"
    stack = await startStack({
      redis,
      env: { NODE_OPTIONS, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
    })
  })
  afterAll(async () => {
    await stack?.stop()
    collector?.stop()
  })

  test("writes go on, and a stop takes a second more at the most", async () => {
    const { client, members } = stack
    for (const { name, lines } of members) {
      const makers = name === "worker" ? MAKERS : [...MAKERS, "server.ts"]
      expect(loadedBy(lines)).toEqual([...ALWAYS, ...makers].toSorted())
    }
    for (let round = 0; round < 3; round += 1) {
      const version = await client.write("k", `${round}`)
      await client.visible("k", version)
    }
    for (const member of members) {
      const at = performance.now()
      expect(await member.end("SIGTERM")).toEqual({ code: 0, signal: null })
      expect(performance.now() - at).toBeLessThan(5_000)
    }
    const [ingest] = members.filter(({ name }) => name === "ingest")
    await until("a line", async () => (ingest?.said(/traces are not sent/) ?? 0) > 0)
  })
})
