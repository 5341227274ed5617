/** Each worker that Redis knows, for the page: whether it is alive, and why it holds. */
import type { Queues } from "./lists.ts"

/** More are counted, and not listed. */
export const WORKERS_SHOWN_MAX = 64

export interface Worker {
  readonly id: string
  /** A worker that was killed is listed until another one's heartbeat clears it away. */
  readonly isAlive: boolean
  /** Until when its last heartbeat was good, in milliseconds since 1970. */
  readonly until: number
  /** "" when it writes. */
  readonly held: string
}

/** A worker is known to each list; alive where it is to one of them, and holding whatever it says to any. */
const merge = (known: ReadonlyArray<Worker>): ReadonlyArray<Worker> => {
  const workers = new Map<string, Worker>()
  for (const worker of known) {
    const { id, isAlive, until, held } = workers.get(worker.id) ?? worker
    const reasons = [...held.split("\n"), ...worker.held.split("\n")]
    workers.set(id, {
      id,
      isAlive: isAlive || worker.isAlive,
      until: Math.max(until, worker.until),
      held: [...new Set(reasons)].filter((reason) => reason !== "").join("\n"),
    })
  }
  return [...workers.values()]
}

/** Rejects when Redis does not answer. */
export const makeWorkers = (queues: Queues) => async (): Promise<ReadonlyArray<Worker>> => {
  const asked = (await queues()).map((queue) => queue.workers(WORKERS_SHOWN_MAX))
  const found = (await Promise.all(asked)).flat().map(({ hold, ...worker }) => ({
    ...worker,
    held: hold,
  }))
  // In Redis they stand by their last heartbeats, and would change places all the time.
  return merge(found)
    .toSorted((one, other) => other.until - one.until)
    .slice(0, WORKERS_SHOWN_MAX)
    .sort((one, other) => (one.id < other.id ? -1 : 1))
}
