/**
 * One call of the client, tried until it is answered or no further try may help. What is sent is the same each
 * time, its Idempotency-Key included, so that what was done in secret is not done again.
 */
import type { Problem } from "../contract.ts"
import type { Flaw } from "../write.ts"

/** Of one call, the first included. */
const TRIES_MAX = 5

/** For an answer, beside the seconds that the call asks the service to wait. */
const TRY_SECONDS = 10

/**
 * Before the second try, half of it by chance, and then twice as long each time, unless Retry-After asks for
 * more: at worst 5 × (10 + 30) s + 4 × 30 s, far below the hour for which an Idempotency-Key is remembered.
 */
export const BACKOFF_MILLIS = 200
const RETRY_AFTER_MAX_SECONDS = 30

/** Of a balancer as well: whether such a call was done is not known, or it was not. */
const REPEATABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** The `type` of an error when no answer came, or none that could be read. */
export const NO_ANSWER = "no-answer"

/** Why a call was not done, or is not known to have been. */
export class ClientError extends Error {
  override readonly name = "ClientError"
  /** 0 when there was no answer. */
  readonly status: number
  /** `/problems/` and a name, what a program tells problems apart by; or `NO_ANSWER`. */
  readonly type: string
  readonly detail: string
  /** What is wrong, and where; empty when it is not the body. */
  readonly errors: ReadonlyArray<Flaw>
  /** Of a write: with it the same call can be repeated later, and is still queued once. */
  readonly idempotencyKey: string | null

  constructor(
    problem: Pick<typeof Problem.Type, "status" | "detail" | "errors"> & { readonly type: string },
    idempotencyKey: string | null,
    cause?: unknown,
  ) {
    super(`${problem.status} ${problem.type}: ${problem.detail}`, { cause })
    this.status = problem.status
    this.type = problem.type
    this.detail = problem.detail
    this.errors = problem.errors ?? []
    this.idempotencyKey = idempotencyKey
  }
}

export interface Call {
  readonly method: "GET" | "POST" | "DELETE"
  readonly url: string
  readonly headers: Headers
  readonly body?: string
  readonly seconds: number
}

export const pause = (millis: number) => new Promise<void>((resume) => setTimeout(resume, millis))

const keyOf = ({ headers }: Call) => headers.get("idempotency-key")

/** What a service, or a balancer in front of it, says of what it did not do. */
const refusalOf = (call: Call, { status }: Response, text: string): ClientError => {
  const unsaid = { type: "about:blank", detail: "The answer does not say why." }
  try {
    return new ClientError({ ...unsaid, ...JSON.parse(text), status }, keyOf(call))
  } catch {
    return new ClientError({ ...unsaid, status }, keyOf(call))
  }
}

/** In seconds or as a date; no longer than what one waits for. */
const retryAfterMillis = ({ headers }: Response): number => {
  const given = headers.get("retry-after") ?? "0"
  const millis = /^\d+$/.test(given) ? Number(given) * 1_000 : Date.parse(given) - Date.now()
  return Math.min(Math.max(millis || 0, 0), RETRY_AFTER_MAX_SECONDS * 1_000)
}

/** Resolves to what was answered, or to the error and how long at least it asks to wait. */
const tryOnce = async (fetch: typeof globalThis.fetch, call: Call) => {
  const { url, seconds, ...init } = call
  try {
    const signal = AbortSignal.timeout((TRY_SECONDS + seconds) * 1_000)
    const response = await fetch(url, { ...init, signal })
    const text = await response.text()
    if (response.ok) return { body: JSON.parse(text) }
    return { error: refusalOf(call, response, text), restMillis: retryAfterMillis(response) }
  } catch (cause) {
    const detail = "No answer came that could be read."
    const none = { status: 0, type: NO_ANSWER, detail }
    return { error: new ClientError(none, keyOf(call), cause), restMillis: 0 }
  }
}

/** Makes what resolves to the members of the answer, and rejects with a ClientError alone. */
export const makeSend = (fetch: typeof globalThis.fetch) => async (call: Call) => {
  for (let tries = 1; ; tries += 1) {
    const { body, error, restMillis } = await tryOnce(fetch, call)
    if (error === undefined) return body
    const isRepeatable = error.status === 0 || REPEATABLE.has(error.status)
    if (!isRepeatable || tries === TRIES_MAX) throw error
    const backoff = BACKOFF_MILLIS * 2 ** (tries - 1)
    await pause(restMillis + backoff * (0.5 + Math.random() / 2))
  }
}
