/** Ingest as `main.ts` wires it, without the process. */
import { CONTRACT } from "../../../shared/contract.ts"
import { openShards } from "../../../shared/queue/open-shards.ts"
import { asking } from "../../testing/app.ts"
import { makeApp } from "../app.ts"
import { makeCommits } from "../commit.ts"
import { makeProbe } from "../probe.ts"
import { makePut } from "../queue.ts"
import type { Limits } from "../sender.ts"
import { JSON_TYPE } from "./app.ts"

interface Options extends Partial<Limits> {
  readonly url: string
  /** WRITE_QUEUE_SHARDS. */
  readonly first?: number
}

type Headers = Readonly<Record<string, string>>

export const openIngest = async ({ url, first = 1, ...given }: Options) => {
  const limits = { maxDepth: 1_000, onceSeconds: 60, ...given }
  const shards = await openShards({ url, queue: "write_queue", program: "ingest", first })
  const reported: Array<readonly [reason: string, writes: number]> = []
  const put = makePut(shards, limits, (...report) => reported.push(report))
  const { commits, end } = makeCommits()
  const app = makeApp({
    ...{ put, commits },
    probe: makeProbe(shards, limits),
    valueMaxBytes: 65_536,
    report: (error) => {
      throw error
    },
  })
  const ask = asking(app, CONTRACT.ingest)
  const send = (path: string, body: unknown, headers: Headers = {}) =>
    ask(path, {
      method: "POST",
      headers: { ...JSON_TYPE, ...headers },
      body: JSON.stringify(body),
    })
  return {
    ...{ shards, put, reported, send, end },
    post: (key: string, headers?: Headers) => send("/write", { key, value: "v" }, headers),
    health: async () => {
      const { status: code, body } = await ask("/health")
      return { code, ...body }
    },
    close: () => shards.close(),
  }
}
