/** Waiting in tests for what other processes do: they can be asked, and tell nobody. */

/** How long a test waits for what must happen. Generous: the machine may be busy with other things. */
const LIMIT_MILLIS = 30_000
const POLL_MILLIS = 10

/** Polls until `check` returns something that is neither false nor undefined. */
export const until = async <A>(
  what: string,
  check: () => Promise<A | false | undefined>,
  limitMillis = LIMIT_MILLIS,
): Promise<A> => {
  const end = performance.now() + limitMillis
  while (performance.now() < end) {
    const found = await check()
    if (found !== false && found !== undefined) return found
    await new Promise((resume) => setTimeout(resume, POLL_MILLIS))
  }
  throw new Error(`${what}: not within ${limitMillis} ms`)
}
