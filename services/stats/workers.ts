/** Each worker that Redis knows, for the page: whether it is alive, and why it holds. */
import type { Queue } from "../../shared/queue/queue.ts"

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

/** Rejects when Redis does not answer. */
export const makeWorkers =
  (queue: Pick<Queue, "workers">) => async (): Promise<ReadonlyArray<Worker>> => {
    const workers = await queue.workers(WORKERS_SHOWN_MAX)
    // In Redis they stand by their last heartbeats, and would change places all the time.
    return workers
      .map(({ hold, ...worker }) => ({ ...worker, held: hold }))
      .sort((one, other) => (one.id < other.id ? -1 : 1))
  }
