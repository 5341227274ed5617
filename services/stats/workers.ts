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

type Replies = [[null, [string, string]], [null, string[]], [null, Record<string, string>]]

/** Rejects when Redis does not answer. */
export const makeWorkers =
  (redis: QueueConnection, queueName: string) => async (): Promise<ReadonlyArray<Worker>> => {
    const keys = queueKeys(queueName)
    const replies = await redis
      .multi()
      .time()
      .zrevrange(keys.workers, 0, WORKERS_SHOWN_MAX - 1, "WITHSCORES")
      .hgetall(keys.holds)
      .exec()
    const [[, [seconds]], [, flat], [, holds]] = replies as unknown as Replies
    return Array.from({ length: flat.length / 2 }, (_, index) => {
      const id = flat[2 * index] ?? ""
      const until = Number(flat[2 * index + 1])
      return { id, isAlive: until > Number(seconds) * 1_000, until, held: holds[id] ?? "" }
    })
  }
