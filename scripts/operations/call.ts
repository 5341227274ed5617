/** One call of the stats service, and calls repeated until all is done. A failure is an error of one line. */

import process from "node:process"
import { loadConfig } from "../../shared/config.ts"

/** Above the two seconds after which the service answers, whatever is left to do. */
const DEADLINE_MILLIS = 10_000

export interface Call {
  readonly method: "GET" | "POST" | "DELETE"
  readonly path: string
  readonly body?: object
  /** A status that is an answer too: GET /health says by it that something is not well. */
  readonly accepts?: number
}

// biome-ignore lint/suspicious/noExplicitAny: the answer is shown, whatever the service says.
export type Answer = Record<string, any>

/** STATS_URL may have a path: a proxy in front of stats takes it off again. */
const addressOf = (path: string) => {
  const { STATS_PORT } = loadConfig("queue")
  const base = process.env.STATS_URL?.trim() || `http://localhost:${STATS_PORT}`
  if (!/^https?:\/\//i.test(base) || !URL.canParse(base)) {
    throw new Error("STATS_URL is an address like http://localhost:8008, or of https://")
  }
  const url = new URL(path, base.endsWith("/") ? base : `${base}/`)
  if (url.username || url.password) {
    throw new Error("STATS_URL has a user or a password, and stats knows none: give ADMIN_TOKEN")
  }
  return url
}

export const call = async ({ method, path, body, accepts }: Call): Promise<Answer> => {
  const { ADMIN_TOKEN } = loadConfig("queue")
  const address = addressOf(path)
  const response = await fetch(address, {
    method,
    headers: {
      ...(ADMIN_TOKEN && { authorization: `Bearer ${ADMIN_TOKEN}` }),
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(DEADLINE_MILLIS),
  }).catch(() => {
    throw new Error(
      `the stats service does not answer at ${address.origin}: is it running, and STATS_URL right?`,
    )
  })
  const answer = (await response.json().catch(() => {
    throw new Error(`no stats service answers there (${response.status}): is STATS_URL right?`)
  })) as Answer
  if (!response.ok && response.status !== accepts)
    throw new Error(`${answer.title}: ${answer.detail}`)
  return answer
}

const progress = (text: string) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}

/** Calls until no answer has the body of a `next` call; sums up what the answers count under `name`. */
export const callUntilDone = async (first: Call, name: string): Promise<Answer> => {
  let done = 0
  let answer: Answer = {}
  for (let body = first.body; body; body = answer.next) {
    answer = await call({ ...first, body }).catch((error: Error) => {
      throw done === 0 ? error : new Error(`${error.message} (${done} were ${name} until then)`)
    })
    done += answer[name]
    progress(answer.next ? `${done.toLocaleString("en")} ${name} …` : "")
  }
  const { next: _, ...rest } = answer
  return { ...rest, [name]: done }
}
