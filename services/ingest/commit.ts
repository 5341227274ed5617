/**
 * Waits for the commits of writes whose clients ask for them, of each in the shard that has it. Redis is never
 * needed for an answer: what is not known in time is answered as a write that was queued.
 */
import { decodeDeadLetter } from "../../shared/item.ts"
import { makeWaits, WAITING_MAX, type Waits } from "../../shared/waits.ts"
import type { Outcomes, Queued } from "./outcome.ts"

/** What became of a write: in the table, or a dead letter with the reason. */
export type Settled = "committed" | { readonly reason: string; readonly sqlstate: string | null }

const read = (outcome: string): Settled => {
  if (!outcome.startsWith("{")) return "committed"
  const { reason, sqlstate } = decodeDeadLetter(outcome).shown
  return { reason, sqlstate }
}

/** Resolves to null when it is not known in so many milliseconds, or the signal is aborted; never rejects. */
export type Commits = (
  write: Queued,
  millis: number,
  signal?: AbortSignal,
) => Promise<Settled | null>

type Waiting = Waits<number, string | null>

/** A commit takes a few milliseconds, of which it is told in one; a look costs Redis a few microseconds. */
const TICK_MILLIS = 1

export const makeCommits = () => {
  // Of each shard where somebody has waited: none waits for another that does not answer.
  const byQueue = new Map<Outcomes, Waiting>()
  let waiting = 0
  let isEnding = false

  const waitsOf = (queue: Outcomes): Waiting => {
    const known = byQueue.get(queue)
    if (known) return known
    const waits: Waiting = makeWaits(
      (versions) => queue.outcomes(versions),
      (_, outcome) => outcome !== null,
      TICK_MILLIS,
    )
    if (isEnding) waits.end()
    byQueue.set(queue, waits)
    return waits
  }

  const commits: Commits = async ({ version, queue }, millis, signal) => {
    if (!queue || waiting >= WAITING_MAX) return null
    waiting += 1
    try {
      const outcome = await waitsOf(queue).wait(version, millis, signal)
      return outcome ? read(outcome) : null
    } catch {
      return null
    } finally {
      waiting -= 1
    }
  }
  return {
    commits,
    end: () => {
      isEnding = true
      for (const waits of byQueue.values()) waits.end()
    },
  }
}
