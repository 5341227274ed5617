/**
 * Load of an open loop: a write is due so many times a second, whether those before it were answered or not,
 * and its latency counts from then. So a pause of the server's is felt by all that would have come in it; a
 * client that waits for an answer before it sends again would leave them out. autocannon's rates do: each
 * connection sends its share of a second at once, one after the other.
 */
import { Buffer } from "node:buffer"
import { Worker } from "node:worker_threads"
import { openConnections } from "./connections.ts"
import type { Contender } from "./contender.ts"
import { Histogram } from "./histogram.ts"
import { Ledger } from "./ledger.ts"
import type { Marked } from "./mark.ts"
import { now, type Pace } from "./pacer.ts"
import { type Request, requestOf } from "./request.ts"

/** From when it was due: a client waits no longer. */
const PATIENCE_MILLIS = 10_000

export interface OpenLoad extends Pace {
  readonly contender: Pick<Contender, "name" | "url">
  readonly marked: Marked
  readonly label: string
  /** Called with each answer, as it comes, and for each write that got none. */
  readonly onAnswer?: (isAccepted: boolean) => void
}

export interface OpenLoaded {
  readonly ledger: Ledger
  /** Of the answers that accept, from when the request was due. */
  readonly histogram: Histogram
  /** How much later than due requests were sent. */
  readonly late: Histogram
}

/** The bytes of a request: those of another differ in its mark alone, which is as long. */
const bytesOf = (url: string, { method, path, headers, body = "" }: Request): string => {
  const all = { host: new URL(url).host, ...headers, "content-length": Buffer.byteLength(body) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`
}

/** Calls `each` whenever a request is due, with the time. Resolves when all were. */
const pace = (workerData: Pace, each: (due: number) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const pacer = new Worker(new URL("pacer.ts", import.meta.url), { workerData })
    pacer.on("message", each).once("error", reject)
    pacer.once("exit", () => resolve())
  })

/** Resolves when each write has its answer, or has waited too long for it. */
export const runOpen = async (load: OpenLoad): Promise<OpenLoaded> => {
  const { contender, marked, rate, requests, label } = load
  const ledger = new Ledger(label, marked)
  const asked = requestOf(contender.name, "upsert", marked, ledger)
  const [mark = ""] = asked.marks
  const bytes = bytesOf(contender.url, asked)
  const account = ledger.open()
  const [histogram, late] = [new Histogram(), new Histogram()]
  const connections = openConnections(contender.url)
  const answers: Array<Promise<void>> = []
  const post = async (due: number) => {
    const number = account.sent
    account.sent += 1
    const begun = now()
    late.record(begun - due)
    const request = bytes.replace(mark, ledger.mark(account.client, number))
    const deadline = performance.now() + PATIENCE_MILLIS - (begun - due)
    const isAccepted = (await connections.send(request, deadline)) === asked.status
    if (isAccepted) histogram.record(now() - due)
    ledger.answer(account, isAccepted, number)
    load.onAnswer?.(isAccepted)
  }
  await pace({ rate, requests }, (due) => void answers.push(post(due)))
  await Promise.all(answers)
  connections.close()
  return { ledger, histogram, late }
}
