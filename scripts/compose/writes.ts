/**
 * Writes through HTTP of keys that are each written once: an oracle that sees every loss, which a later
 * write of the same key would cover. Only what was answered with 202 must be found again.
 */
import { setTimeout as sleep } from "node:timers/promises"

const CLIENTS = 8
const PAUSE_MILLIS = 40
const ANSWER_LIMIT_MILLIS = 5_000

export type Writes = ReturnType<typeof makeWrites>

export const makeWrites = (url: string) => {
  const accepted = new Map<string, string>()
  let count = 0
  let others = 0

  /** Resolves to the status, or 0 when there was no answer. */
  const write = async (): Promise<number> => {
    count += 1
    const [key, value] = [`check:${count}`, `value ${count}`]
    try {
      const response = await fetch(`${url}/write`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ key, value }),
        signal: AbortSignal.timeout(ANSWER_LIMIT_MILLIS),
      })
      await response.text()
      if (response.status === 202) accepted.set(key, value)
      else others += 1
      return response.status
    } catch {
      others += 1
      return 0
    }
  }

  return {
    accepted,
    write,
    /** Sends so many writes at once. */
    many: (number: number) => Promise.all(Array.from({ length: number }, write)),
    /** Writes from before the fault until some seconds after; resolves to how many were accepted. */
    during: async (fault: () => Promise<unknown>, after = 2_000): Promise<string> => {
      const [before, refused] = [accepted.size, others]
      let isOver = false
      const clients = Array.from({ length: CLIENTS }, async () => {
        while (!isOver) {
          await write()
          await sleep(PAUSE_MILLIS)
        }
      })
      await sleep(1_000)
      try {
        await fault()
        await sleep(after)
      } finally {
        isOver = true
        await Promise.all(clients)
      }
      return `${accepted.size - before} writes accepted, ${others - refused} not`
    },
  }
}
