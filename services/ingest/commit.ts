/**
 * Waits for the commits of writes whose clients ask for them. All that wait share one look at Redis a tick,
 * which names at most so many versions; who has waited for longer is asked for more rarely. Redis is never
 * needed for an answer: what is not known in time is answered as a write that was queued.
 */
import { decodeDeadLetter } from "../../shared/item.ts"
import type { Queue } from "../../shared/queue/queue.ts"

/** How soon a commit is seen. A commit takes some milliseconds itself. */
const TICK_MILLIS = 4

/** Versions that one look names; the others are looked at in the next. */
const LOOK_MAX = 500

/** Clients that wait at once; who comes later is answered like one who does not wait. */
const WAITING_MAX = 10_000

/** A wait is looked at again after a tenth of what it has taken, and at the latest after so long. */
const PATIENCE = 0.1
const PATIENCE_MAX_MILLIS = 250

/** What became of a write: in the table, or a dead letter with the reason. */
export type Settled = "committed" | { readonly reason: string; readonly sqlstate: string | null }

interface Wait {
  readonly version: number
  readonly began: number
  readonly until: number
  /** When it is looked at next. */
  due: number
  readonly resolve: (settled: Settled | null) => void
}

const read = (outcome: string): Settled => {
  if (!outcome.startsWith("{")) return "committed"
  const { reason, sqlstate } = decodeDeadLetter(outcome).shown
  return { reason, sqlstate }
}

/** Resolves to null when it is not known in so many milliseconds; never rejects. */
export type Commits = (version: number, millis: number) => Promise<Settled | null>

export const makeCommits = ({ outcomes }: Pick<Queue, "outcomes">) => {
  const waits = new Set<Wait>()
  let isTicking = false
  let isEnded = false

  const settle = (wait: Wait, settled: Settled | null) => {
    waits.delete(wait)
    wait.resolve(settled)
  }

  /** Those whose time has come, the longest overdue first; one that ends is looked at a last time. */
  const dueAt = (now: number) =>
    [...waits]
      .filter(({ due, until }) => due <= now || until <= now)
      .sort((one, other) => one.due - other.due)
      .slice(0, LOOK_MAX)

  const look = async () => {
    const now = performance.now()
    const due = dueAt(now)
    const found =
      due.length === 0 ? [] : await outcomes(due.map(({ version }) => version)).catch(() => [])
    for (const [index, wait] of due.entries()) {
      const outcome = found[index] ?? null
      if (outcome !== null) settle(wait, read(outcome))
      else if (wait.until <= now) settle(wait, null)
      else wait.due = now + Math.min(PATIENCE_MAX_MILLIS, PATIENCE * (now - wait.began))
    }
  }

  const tick = async () => {
    await look()
    if (waits.size > 0) setTimeout(tick, TICK_MILLIS)
    else isTicking = false
  }

  const commits: Commits = (version, millis) =>
    new Promise((resolve) => {
      if (isEnded || waits.size >= WAITING_MAX) return resolve(null)
      const began = performance.now()
      waits.add({ version, began, until: began + millis, due: began, resolve })
      if (isTicking) return
      isTicking = true
      setTimeout(tick, TICK_MILLIS)
    })

  return {
    commits,
    /** Nobody waits any more: a process that stops answers what it knows. */
    end: () => {
      isEnded = true
      for (const wait of waits) settle(wait, null)
    },
  }
}
