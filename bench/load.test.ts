import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { demandAnswered, run } from "./load.ts"
import { findTable } from "./mark.ts"
import { runOpen } from "./open-loop.ts"
import { BULK_ROWS } from "./request.ts"
import type { Work } from "./result.ts"

const ends: Array<() => void> = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

type Answer = readonly [status: number, body?: string]

/** A server that answers as it is told, when it is. */
const serve = async (
  answer: (request: IncomingMessage, body: string) => Promise<Answer> | Answer,
) => {
  const server = createServer(async (request, response) => {
    let body = ""
    for await (const chunk of request) body += chunk
    const [status, text = "{}"] = await answer(request, body)
    response.writeHead(status, { "content-length": text.length }).end(text)
  })
  await new Promise<void>((resume) => server.listen(0, "127.0.0.1", resume))
  ends.push(() => void server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const load = (url: string, work: Work, name: "sync" | "async" = "async") =>
  run({
    ...{ contender: { name, url }, work, tables: [findTable()], label: "load-0001" },
    ...{ connections: 2, seconds: 0.2 },
  })

describe("a load", () => {
  it("gives each row of a request in bulk a mark of its own", async () => {
    const keys: string[] = []
    const url = await serve((_, body) => {
      keys.push(...body.split("\n").map((line) => JSON.parse(line).key))
      return [202]
    })
    const { accepted, ledgers } = await load(url, "bulk")
    expect(accepted % BULK_ROWS).toBe(0)
    expect(new Set(keys).size).toBe(keys.length)
    const promised = [...(ledgers[0]?.promised() ?? [])]
    expect(promised).toHaveLength(accepted)
    expect(new Set(keys)).toEqual(new Set([...keys, ...promised]))
  })

  it("takes no 202 for a commit, and no other row for the one that it asked for", async () => {
    const accepting = await serve(() => [202])
    const waited = await load(accepting, "wait")
    expect(waited.accepted).toBe(0)
    expect(waited.refused).toBeGreaterThan(0)
    const other = await serve(() => [200, '{"key":"load-0001:000:99999999"}'])
    const read = await load(other, "read", "sync")
    expect(read.accepted).toBe(0)
    expect(() => demandAnswered(read, "reads")).toThrow(/^reads: 0 accepted, [1-9]\d* refused/)
    const echo = await serve(({ url }) => [200, `{"key":"${url?.split("/").at(-1)}"}`])
    demandAnswered(await load(echo, "read", "sync"), "reads")
  })
})

describe("an open loop", () => {
  const open = (url: string, requests: number, rate: number, onAnswer = () => {}) =>
    runOpen({
      onAnswer,
      ...{ contender: { name: "async", url }, marked: findTable(), label: "load-0001" },
      ...{ requests, rate },
    })

  it("sends what is due although nothing is answered, and counts the wait from then", async () => {
    const [requests, rate] = [100, 500]
    const all = Promise.withResolvers<Answer>()
    let received = 0
    const url = await serve(() => {
      received += 1
      if (received === requests) all.resolve([202])
      return all.promise
    })
    const { ledger, histogram } = await open(url, requests, rate)
    expect([ledger.accepted, histogram.count]).toEqual([requests, requests])
    // The first waited until the last was due, and half of them half as long.
    expect(histogram.quantile(1)).toBeGreaterThanOrEqual(((requests - 1) / rate) * 1_000)
    expect(histogram.quantile(0.5)).toBeGreaterThanOrEqual((requests / 2 / rate) * 1_000)
  })

  it("counts from when a write was due also what was sent late", async () => {
    const url = await serve(() => [202])
    let isFirst = true
    const { histogram, late } = await open(url, 100, 100, () => {
      const until = performance.now() + (isFirst ? 400 : 0)
      isFirst = false
      while (performance.now() < until);
    })
    expect(late.quantile(0.9)).toBeGreaterThan(100)
    expect(histogram.quantile(0.9)).toBeGreaterThanOrEqual(late.quantile(0.9))
  })

  it("knows which were refused, and which lost their connection", async () => {
    const url = await serve(({ socket }, body) => {
      const number = Number(JSON.parse(body).key.slice(-1))
      if (number === 1) socket.destroy()
      return [number === 2 ? 503 : 202]
    })
    const { ledger } = await open(url, 4, 50)
    expect([ledger.accepted, ledger.refused]).toEqual([2, 2])
    expect([...ledger.promised()]).toEqual([ledger.mark(0, 0), ledger.mark(0, 3)])
  })
})
