/**
 * Waits for the commits of writes whose clients ask for them. Redis is never needed for an answer: what is not
 * known in time is answered as a write that was queued.
 */
import { decodeDeadLetter } from "../../shared/item.ts"
import type { Queue } from "../../shared/queue/queue.ts"
import { makeWaits } from "../../shared/waits.ts"

/** What became of a write: in the table, or a dead letter with the reason. */
export type Settled = "committed" | { readonly reason: string; readonly sqlstate: string | null }

const read = (outcome: string): Settled => {
  if (!outcome.startsWith("{")) return "committed"
  const { reason, sqlstate } = decodeDeadLetter(outcome).shown
  return { reason, sqlstate }
}

/** Resolves to null when it is not known in so many milliseconds, or the signal is aborted; never rejects. */
export type Commits = (
  version: number,
  millis: number,
  signal?: AbortSignal,
) => Promise<Settled | null>

export const makeCommits = ({ outcomes }: Pick<Queue, "outcomes">) => {
  const waits = makeWaits<number, string | null>(outcomes, (_, outcome) => outcome !== null)
  const commits: Commits = async (version, millis, signal) => {
    const outcome = await waits.wait(version, millis, signal).catch(() => null)
    return outcome ? read(outcome) : null
  }
  return { commits, end: waits.end }
}
