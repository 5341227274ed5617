/** What a client asks for beside its writes, by headers: to wait for the commit, and to be taken once. */
import { problem } from "../../shared/http/answer.ts"
import { preferencesOf } from "../../shared/http/prefer.ts"

export interface Asked {
  /** For how long the client waits for the commit; 0 when it does not. */
  readonly waitMillis: number
  /** The idempotency key of the request, null when it has none. */
  readonly key: string | null
  /** The answer is to have each version. */
  readonly isVerbose: boolean
}

/** Visible ASCII, in quotes or not: as long as a UUID, a hash, or a name made of a few of them. */
const KEY = /^[\x20-\x7e]{1,255}$/

/** What is asked for, or the answer that the key is none. */
export const readAsked = (headers: Headers): Asked | Response => {
  const { wait, isVerbose } = preferencesOf(headers)
  const key = headers.get("idempotency-key")
  if (key !== null && !KEY.test(key)) return problem("malformed-idempotency-key")
  return { waitMillis: wait * 1_000, key, isVerbose }
}
