/** A call to ingest; a third of what `fetch` costs, which counts with 20,000 of them. */
import { once } from "node:events"
import { type Agent, type IncomingMessage, request } from "node:http"
import { text } from "node:stream/consumers"
import { APPENDED, type Asked, bodyOf, type Sent } from "./sent.ts"

/** No client waits for longer, beside what it asked for; ingest's own deadline is a second. */
const REQUEST_LIMIT_MILLIS = 5_000

export interface Call {
  readonly method: "POST" | "DELETE"
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly limitMillis: number
}

export interface Answer {
  readonly status: number
  readonly retryAfter: number
  readonly isReplayed: boolean
  readonly text: string
}

const headersOf = ({ wait, once }: Asked, prefer: ReadonlyArray<string> = []) => {
  const preferences = [...prefer, ...(wait === undefined ? [] : [`wait=${wait}`])]
  return {
    "content-type": "application/json",
    ...(preferences.length > 0 && { prefer: preferences.join(", ") }),
    ...(once !== undefined && { "idempotency-key": once }),
  }
}

const limitOf = ({ wait = 0 }: Asked) => REQUEST_LIMIT_MILLIS + wait * 1_000

const placeOf = ({ isAppended }: Sent) => (isAppended ? `/${APPENDED}` : "")

export const callOf = (write: Sent, asked: Asked): Call => {
  const rest = { headers: headersOf(asked), limitMillis: limitOf(asked) }
  if (write.value === null) {
    const path = `/write/${encodeURIComponent(write.key)}`
    return { ...rest, method: "DELETE", path, body: "" }
  }
  const body = JSON.stringify(bodyOf(write))
  return { ...rest, method: "POST", path: `/write${placeOf(write)}`, body }
}

/** Of rows of one table. */
export const callOfAll = (writes: ReadonlyArray<Sent>, asked: Asked): Call => ({
  method: "POST",
  path: `/writes${placeOf(writes[0] as Sent)}`,
  headers: headersOf(asked, ["return=representation"]),
  body: JSON.stringify(writes.map(bodyOf)),
  limitMillis: limitOf(asked),
})

/** To these in turn. Rejects when no whole answer came in time. */
export const makeCalls = (agent: Agent, urls: ReadonlyArray<string>) => {
  let turn = 0
  return async ({ method, path, headers, body, limitMillis }: Call): Promise<Answer> => {
    const signal = AbortSignal.timeout(limitMillis)
    const call = request(`${urls[turn++ % urls.length]}${path}`, { agent, method, headers, signal })
    // One that comes after the answer has begun is the answer's own as well.
    call.on("error", () => {}).end(body)
    const [response] = (await once(call, "response")) as [IncomingMessage]
    const { statusCode: status = 0, headers: answered } = response
    return {
      ...{ status, retryAfter: Number(answered["retry-after"]) },
      isReplayed: answered["idempotency-replayed"] === "true",
      text: await text(response),
    }
  }
}
