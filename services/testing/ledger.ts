/**
 * What the clients of a test know: every write they sent and which of three outcomes it had. `ok` has
 * happened, `refused` has not and never will, `unknown` may have. Unknown is neither lost nor harmless.
 */
import { once } from "node:events"
import { Agent, type IncomingMessage, request } from "node:http"
import { text } from "node:stream/consumers"
import { TABLE } from "../../shared/testing/table.ts"

/** Whatever must not be seen outside has this word in it. */
export const CANARY = "canary"

export type Outcome = "ok" | "refused" | "unknown"

export interface Sent {
  readonly key: string
  readonly value: string
  /** PostgreSQL rejects it. */
  readonly poison: boolean
  outcome: Outcome
  /** Of a write that is ok. */
  version: number
  /** False when the Redis that counted it has lost its data since. */
  counted: boolean
}

/** What the contract says was not enqueued. */
const REFUSED = /^\/problems\/(queue-full|queue-unavailable|stopping)$/

/** No client waits for longer; ingest's own deadline is a second. */
const REQUEST_LIMIT_MILLIS = 5_000

/** The check that the table gets, and what breaks it. */
export const POISON = `${CANARY} poison`
export const POISON_SQL = `
  alter table ${TABLE} add constraint no_poison check (value not like '${POISON}%')`

export type Ledger = ReturnType<typeof makeLedger>

/** POST /write; a third of what `fetch` costs, which counts with 20,000 of them. */
const postWrite = async (agent: Agent, url: string, body: string) => {
  const headers = { "content-type": "application/json" }
  const signal = AbortSignal.timeout(REQUEST_LIMIT_MILLIS)
  const call = request(`${url}/write`, { agent, method: "POST", headers, signal })
  // One that comes after the answer has begun is the answer's own as well.
  call.on("error", () => {}).end(body)
  const [response] = (await once(call, "response")) as [IncomingMessage]
  const { statusCode: status = 0, headers: answered } = response
  return { status, retryAfter: Number(answered["retry-after"]), text: await text(response) }
}

type Answer = Awaited<ReturnType<typeof postWrite>>

/** Whether a request that got no answer can have reached anybody. */
const isUnsent = (error: unknown) => (error as { code?: string }).code === "ECONNREFUSED"

export const makeLedger = (url: string) => {
  const agent = new Agent({ keepAlive: true })
  const sent: Sent[] = []
  /** What no answer may say or do. */
  const broken: string[] = []

  const judge = (write: Sent, { status, retryAfter, text }: Answer): Outcome => {
    if (status === 202) {
      write.version = JSON.parse(text).version
      return "ok"
    }
    if (text.includes(CANARY)) broken.push(`a ${status} quotes the write`)
    const { type } = JSON.parse(text) as { type: string }
    if (status === 503) {
      const isSound = retryAfter >= 1 && retryAfter <= 60
      if (!isSound) broken.push(`${type} without a sound Retry-After`)
      return REFUSED.test(type) ? "refused" : "unknown"
    }
    if (status >= 500) broken.push(`${status} ${type}`)
    return "refused"
  }

  const send = async (write: Sent, body: string): Promise<Sent> => {
    sent.push(write)
    write.outcome = await postWrite(agent, url, body)
      .then((answer) => judge(write, answer))
      .catch((error) => (isUnsent(error) ? "refused" : "unknown"))
    return write
  }

  const draft = (key: string, value: string, poison = false): Sent => ({
    ...{ key: `${CANARY} ${key}`, value: poison ? `${POISON} ${value}` : `${CANARY} ${value}` },
    ...{ poison, outcome: "unknown", version: 0, counted: true },
  })

  let series = 0
  const post = (key: string, value: string, poison = false) => {
    const write = draft(key, value, poison)
    return send(write, JSON.stringify({ key: write.key, value: write.value }))
  }

  return {
    sent,
    broken,
    /** A name that no key has had. */
    name: (what: string) => `${what} ${++series}`,
    post,
    /** A write that is none, with a key of its own: it must never be seen again. */
    postInvalid: (key: string) => {
      const write = draft(key, "never")
      return send(write, JSON.stringify({ key: write.key, value: [write.value] }))
    },
    count: (outcome: Outcome, counted = false) =>
      sent.filter((write) => write.outcome === outcome && (!counted || write.counted)).length,
    /** Redis has lost its data: what was accepted may be stored or not, and is counted no more. */
    lost: () => {
      for (const write of sent) {
        if (write.outcome === "ok") write.outcome = "unknown"
        write.counted = false
      }
    },
  }
}
