/** Each worker that Redis knows, for the page: whether it is alive, and why it holds. */
import { type QueueConnection, queueKeys } from "../../shared/queue.ts"

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
  (redis: QueueConnection, queueName: string) => async (): Promise<ReadonlyArray<Worker>> => {
    const keys = queueKeys(queueName)
    const [[seconds], flat, holds] = await Promise.all([
      redis.time(),
      redis.zrange(keys.workers, -WORKERS_SHOWN_MAX, "-1", "WITHSCORES"),
      redis.hgetall(keys.holds),
    ])
    const workers = Array.from({ length: flat.length / 2 }, (_, index) => {
      const id = flat[2 * index] ?? ""
      const until = Number(flat[2 * index + 1])
      return { id, isAlive: until > Number(seconds) * 1_000, until, held: holds[id] ?? "" }
    })
    // In Redis they stand by their last heartbeats, and would change places all the time.
    return workers.sort((one, other) => (one.id < other.id ? -1 : 1))
  }
