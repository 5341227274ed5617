/**
 * Load of an open loop: a write is due so many times a second, whether those before it were answered or not,
 * and its latency counts from then. So a pause of the server's is felt by all that would have come in it; a
 * client that waits for an answer before it sends again would leave them out. autocannon's rates do: each
 * connection sends its share of a second at once, one after the other.
 */
import { Buffer } from "node:buffer"
import { Agent, request } from "node:http"
import { Worker } from "node:worker_threads"
import type { Contender } from "./contender.ts"
import { Histogram } from "./histogram.ts"
import { Ledger } from "./ledger.ts"
import type { Marked } from "./mark.ts"
import { now, type Pace } from "./pacer.ts"
import { requestOf } from "./request.ts"

/** A server that is slower than the load has so many to answer at once; the others wait for a connection. */
const CONNECTIONS_MAX = 1_000

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

/** Sends one and reads the answer whole. Resolves to its status; to null when there is none in time. */
const makeSend = (url: string, options: object, agent: Agent) => (body: string, millis: number) =>
  new Promise<number | null>((resolve) => {
    const length = { "content-length": Buffer.byteLength(body) }
    const headers = { "content-type": "application/json", ...length }
    const sent = request(url, { ...options, agent, headers }, (answer) => {
      answer.once("end", () => end(answer.statusCode ?? null)).once("error", () => end(null))
      answer.resume()
    })
    const timer = setTimeout(() => sent.destroy(new Error("late")), millis)
    const end = (status: number | null) => {
      clearTimeout(timer)
      resolve(status)
    }
    sent.once("error", () => end(null)).end(body)
  })

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
  const {
    path,
    method,
    body = "",
    status,
    marks,
  } = requestOf(...([contender.name, "upsert", marked, ledger] as const))
  const [mark = ""] = marks
  const account = ledger.open()
  const [histogram, late] = [new Histogram(), new Histogram()]
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX })
  const send = makeSend(contender.url + path, { method }, agent)
  const answers: Array<Promise<void>> = []
  const post = async (due: number) => {
    const number = account.sent
    account.sent += 1
    const begun = now()
    late.record(begun - due)
    const left = PATIENCE_MILLIS - (begun - due)
    const answer = await send(body.replace(mark, ledger.mark(account.client, number)), left)
    const isAccepted = answer === status
    if (isAccepted) histogram.record(now() - due)
    ledger.answer(account, isAccepted, number)
    load.onAnswer?.(isAccepted)
  }
  await pace({ rate, requests }, (due) => void answers.push(post(due)))
  await Promise.all(answers)
  agent.destroy()
  return { ledger, histogram, late }
}
