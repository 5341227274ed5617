/**
 * Whether a caller has the bearer token of ADMIN_TOKEN, as it is now: a file that holds it may be written
 * anew, and a token that leaked must end without a restart.
 */
import { createHash, timingSafeEqual } from "node:crypto"

/** However many ask, the file is read so often at most; a token that was replaced is good for as long. */
const REREAD_MILLIS = 1_000

const digest = (text: string) => createHash("sha256").update(text).digest()

/** `reread` gives the token that a file holds, undefined when none does or it cannot be read. */
export const makeTokenCheck = (first: string, reread: () => string | undefined) => {
  let token = digest(first)
  let readAt = performance.now()

  /** Takes the same time however much of the token is right. */
  return (authorization: string | undefined): boolean => {
    const now = performance.now()
    if (now - readAt >= REREAD_MILLIS) {
      readAt = now
      const text = reread()
      if (text !== undefined) token = digest(text)
    }
    const given = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1] ?? ""
    return timingSafeEqual(digest(given), token)
  }
}
