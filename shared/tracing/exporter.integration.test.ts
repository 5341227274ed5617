import type { ServerResponse } from "node:http"
import { expect, onTestFinished, test } from "vitest"
import { startCollector } from "../../services/testing/collector.ts"
import { until } from "../../services/testing/until.ts"
import type { Fields } from "../log.ts"
import { type Exporter, makeExporter, REQUEST_MAX, WAITING_MAX } from "./exporter.ts"

/** An exporter of spans that are their number, and what its collector got and its log says. */
const setUp = async (answer?: (response: ServerResponse) => void) => {
  const collector = await startCollector(answer)
  const said: Fields[] = []
  const wrap = (spans: ReadonlyArray<object>) => ({
    resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ spans }] }],
  })
  const exporter = makeExporter(collector.url, {}, wrap, (_, __, fields = {}) => said.push(fields))
  onTestFinished(async () => {
    await exporter.close()
    collector.stop()
  })
  return {
    collector,
    exporter,
    said,
    sizes: () => collector.requests.map(({ body }) => sizeOf(body)),
  }
}

const sizeOf = (body: string) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.length
const push = ({ push }: Exporter, count: number) => {
  for (let number = 0; number < count; number += 1) push({ number, attributes: [] })
}
const sum = (said: ReadonlyArray<Fields>) =>
  said.reduce((total, { dropped }) => total + Number(dropped), 0)

test("spans are sent in requests of bounded size, one after the other, and none is said or lost", async () => {
  let underWay = 0
  let most = 0
  const { exporter, collector, sizes, said } = await setUp((response) => {
    underWay += 1
    most = Math.max(most, underWay)
    setImmediate(() => {
      underWay -= 1
      response.end("{}")
    })
  })
  push(exporter, 3 * REQUEST_MAX + 1)
  await until("all spans", async () => collector.spans.length === 3 * REQUEST_MAX + 1)
  expect(sizes()).toEqual([REQUEST_MAX, REQUEST_MAX, REQUEST_MAX, 1])
  expect([most, said]).toEqual([1, []])
})

test("a collector that never answers costs the spans beyond a limit, and a stop within a second", async () => {
  const { exporter, collector, said } = await setUp(() => {})
  push(exporter, WAITING_MAX + 3 * REQUEST_MAX)
  await until("a request", async () => collector.requests.length > 0)
  push(exporter, 2 * REQUEST_MAX)
  const at = performance.now()
  await exporter.close()
  expect(performance.now() - at).toBeLessThan(3_000)
  expect(collector.requests).toHaveLength(1)
  expect(said.at(-1)).toMatchObject({ reason: "the process stops" })
  expect(sum(said)).toBe(WAITING_MAX + 5 * REQUEST_MAX)
  expect(said.at(-1)?.waiting).toBeLessThanOrEqual(WAITING_MAX + REQUEST_MAX)
})

test("what a collector asks to repeat is sent again", async () => {
  let failures = 1
  const { exporter, sizes, said } = await setUp((response) => {
    if (failures-- > 0) response.writeHead(503)
    response.end("{}")
  })
  push(exporter, 2)
  await until("a second request", async () => sizes().length === 2)
  expect(sizes()).toEqual([2, 2])
  expect(said).toMatchObject([{ reason: "status 503", dropped: 0 }])
})

test("what a collector refuses is dropped, and said", async () => {
  const { exporter, sizes, said } = await setUp((response) => response.writeHead(400).end())
  push(exporter, 2)
  await exporter.close()
  expect(sizes()).toEqual([2])
  expect(said).toMatchObject([{ reason: "status 400", dropped: 2 }])
})

test("a stop sends what waits", async () => {
  const { exporter, collector, said } = await setUp()
  push(exporter, REQUEST_MAX + 1)
  await exporter.close()
  expect(collector.spans).toHaveLength(REQUEST_MAX + 1)
  expect(said).toEqual([])
})
