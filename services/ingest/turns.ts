/**
 * Turns at bodies with many rows, of which each may have 8 MiB of text and several times that as objects: a few are
 * read at once, and others wait for a moment. A client that sends slowly has its turn for as long as a
 * server gives any request (10 s); meanwhile others are refused soon, rather than kept as long.
 */

/** Bodies that are read at once. */
const READING_MAX = 8

/** Requests that wait until they are read. */
const TURNS_MAX = 1_000

/** Long enough for dozens of bodies of ten thousand rows before it. */
const TURN_MILLIS = 2_000

/** Lets so many run at once, and others wait; undefined where that is too many, or too long. */
export const makeTurns = () => {
  const waiting = new Set<() => void>()
  let running = 0
  /** Resolves to whether it came. */
  const turn = () =>
    new Promise<boolean>((resolve) => {
      const take = () => {
        clearTimeout(timer)
        resolve(true)
      }
      const leave = () => {
        waiting.delete(take)
        resolve(false)
      }
      const timer = setTimeout(leave, TURN_MILLIS)
      waiting.add(take)
    })
  return async <A>(use: () => Promise<A>): Promise<A | undefined> => {
    if (running < READING_MAX) running += 1
    else if (waiting.size >= TURNS_MAX || !(await turn())) return undefined
    try {
      return await use()
    } finally {
      // Who ends hands the turn on, so that nobody who comes just then is one too many.
      const [next] = waiting
      if (next) {
        waiting.delete(next)
        next()
      } else running -= 1
    }
  }
}
