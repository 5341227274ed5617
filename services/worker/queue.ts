/**
 * The queue as the worker sees it: a service with two layers, Redis here and memory in
 * `queue-memory.ts`, which pass the same tests. Each call is one atomic step of the protocol in
 * `shared/protocol.ts`, answers within its deadline, and fails as `QueueUnavailable`.
 */
import { Context, Duration, Effect, Layer, Result } from "effect"
import {
  closeQueue,
  isRefusal,
  openQueue,
  type QueueConnection,
  queueErrorReason,
  queueKeys,
  untilReady,
} from "../../shared/queue.ts"
import { decodeItem, type Item, type Unreadable } from "../../shared/write.ts"
import { QueueOwned, QueueUnavailable } from "./errors.ts"
import { BITE_MAX_BYTES, RECOVER_MAX, Settings } from "./settings.ts"

/** What waits: how many writes, and the ages of the oldest and the newest in milliseconds. */
export interface Look {
  /** An operator stopped claiming: nothing is to be taken, whatever waits. */
  readonly paused: boolean
  readonly depth: number
  readonly oldestAge: number
  readonly newestAge: number
}

/**
 * Why a window closed: BATCH_SIZE writes wait; BATCH_TIMEOUT since the first; nothing new for
 * WORKER_POLL_INTERVAL.
 */
export type Closing = "Full" | "Elapsed" | "Quiet"

export interface Batch {
  readonly id: string
  readonly items: ReadonlyArray<Item>
  readonly unreadable: ReadonlyArray<Unreadable>
  /** How many workers went silent with the first of them. From three on it is claimed alone. */
  readonly silences: number
}

type Step<A> = Effect.Effect<A, QueueUnavailable>

export class Queue extends Context.Service<
  Queue,
  {
    /** Returns when a write waits, and at the latest after `seconds`. Takes nothing. */
    readonly waitForWrite: (seconds: number) => Step<void>
    readonly look: Step<Look>
    /**
     * Moves up to `max` writes into the batch, under a lease; null until `seed` was called. Fails as
     * `QueueOwned` when the queue belongs to a database of another identity.
     */
    readonly claim: (
      id: string,
      max: number,
      database: string,
    ) => Effect.Effect<Batch | null, QueueUnavailable | QueueOwned>
    /** Ends a batch. False when it had been recovered: then nothing was counted. */
    readonly acknowledge: (
      id: string,
      closing: Closing,
      coalesced: number,
      dead: ReadonlyArray<string>,
    ) => Step<boolean>
    /** Puts a batch back, in order. Returns how many writes that were. */
    readonly release: (id: string) => Step<number>
    /** Puts a batch back if its lease is past the deadline. Returns how many writes that were. */
    readonly recover: (id: string) => Step<number>
    /** Extends this worker's leases; says which are lost, and which of anybody's have expired. */
    readonly heartbeat: (
      ids: ReadonlyArray<string>,
      held: string,
    ) => Step<{ readonly lost: ReadonlyArray<string>; readonly expired: ReadonlyArray<string> }>
    /** Takes the worker off the list of live ones. */
    readonly leave: Step<void>
    /**
     * Makes versions continue above `highest`, and the queue that database's. True when they had to be
     * lifted. Does nothing yet while batches with lower versions are under way.
     */
    readonly seed: (
      highest: number,
      database: string,
    ) => Effect.Effect<boolean, QueueUnavailable | QueueOwned>
    /** The identity of the database that the queue belongs to; "" before the first seed. */
    readonly owner: Step<string>
  }
>()("write-buffer/worker/Queue") {}

/** Sorts a claimed batch into writes and what is none. */
export const readBatch = (id: string, texts: ReadonlyArray<string>, silences: number): Batch => {
  const items: Item[] = []
  const unreadable: Unreadable[] = []
  for (const text of texts) {
    const item = decodeItem(text)
    if (Result.isSuccess(item)) items.push(item.success)
    else unreadable.push(item.failure)
  }
  return { id, items, unreadable, silences }
}

const makeStep =
  ({ link }: QueueConnection) =>
  <A>(run: () => Promise<A>): Step<A> =>
    Effect.tryPromise({
      try: run,
      catch: (cause) => new QueueUnavailable({ reason: queueErrorReason(cause, link), cause }),
    })

/** The scripts that touch writes refuse a worker of another database, and name the queue's own. */
const ownedBy = (error: QueueUnavailable) => {
  const found = isRefusal(error.cause) && /^OWNED (.*)$/.exec(error.cause.message)
  return found ? new QueueOwned({ owner: found[1] as string }) : error
}

/** An idle worker looks and blocks once in so many seconds, and sends heartbeats besides. */
export const WAIT_SECONDS = 5

const REFUSED_PAUSE = Duration.millis(100)

/**
 * `BLMOVE list list RIGHT RIGHT` rotates the rightmost item onto its own place: it waits for a write
 * and changes nothing, so a reply that is lost loses nothing. A full Redis refuses it, because it may
 * write; then the queue is looked at again after a pause.
 */
const waitForWrite = (bell: QueueConnection, waiting: string) => (seconds: number) =>
  makeStep(bell)(() => bell.blmove(waiting, waiting, "RIGHT", "RIGHT", seconds)).pipe(
    Effect.asVoid,
    Effect.catchIf(
      ({ cause }) => isRefusal(cause),
      () => Effect.sleep(REFUSED_PAUSE),
    ),
  )

const connection = (url: string, name: string, blockingMillis?: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const redis = openQueue(url, {
        name,
        ...(blockingMillis !== undefined && { blockingMillis }),
      })
      await untilReady(redis)
      return redis
    }),
    (redis) => Effect.sync(() => closeQueue(redis)),
  )

export const layerRedis = Layer.effect(
  Queue,
  Effect.gen(function* () {
    const settings = yield* Settings
    const redis = yield* connection(settings.REDIS_URL, "worker")
    // A blocked connection answers nothing else, so waiting has one of its own.
    const bell = yield* connection(settings.REDIS_URL, "worker-bell", WAIT_SECONDS * 1_000)
    const step = makeStep(redis)
    const keys = queueKeys(settings.WRITE_QUEUE_NAME)
    const leaseMillis = Duration.toMillis(Duration.seconds(settings.LEASE_SECONDS))

    return Queue.of({
      waitForWrite: waitForWrite(bell, keys.waiting),
      look: step(() => redis.look(keys.waiting, keys.counters)).pipe(
        Effect.map(([depth, oldestAge, newestAge, paused]) => ({
          ...{ depth, oldestAge, newestAge },
          paused: paused === 1,
        })),
      ),
      claim: (id, max, database) =>
        step(() =>
          redis.claim(
            ...[keys.waiting, keys.batch(id), keys.leases, keys.counters, keys.silences],
            ...[id, max, BITE_MAX_BYTES, leaseMillis, database],
          ),
        ).pipe(
          Effect.mapError(ownedBy),
          Effect.map((reply) => {
            if (reply === null) return null
            const [silences, ...texts] = reply
            return readBatch(id, texts, silences)
          }),
        ),
      acknowledge: (id, closing, coalesced, dead) =>
        step(() =>
          redis.acknowledge(
            ...[keys.batch(id), keys.leases, keys.counters, keys.dead, keys.silences],
            ...[id, closing, coalesced, ...dead],
          ),
        ).pipe(Effect.map((count) => count >= 0)),
      release: (id) => step(() => redis.release(keys.waiting, keys.batch(id), keys.leases, id)),
      recover: (id) =>
        step(() =>
          redis.recover(
            ...[keys.waiting, keys.batch(id), keys.leases, keys.counters, keys.silences],
            id,
          ),
        ),
      heartbeat: (ids, held) =>
        step(() =>
          redis.heartbeat(
            ...[keys.leases, keys.workers, keys.holds, keys.counters],
            ...[settings.worker, leaseMillis, held, RECOVER_MAX, ...ids],
          ),
        ).pipe(Effect.map(([lost, expired]) => ({ lost, expired }))),
      leave: step(() => redis.leave(keys.workers, keys.holds, settings.worker)).pipe(Effect.asVoid),
      seed: (highest, database) =>
        step(() => redis.seed(keys.waiting, keys.counters, keys.leases, highest, database)).pipe(
          Effect.mapError(ownedBy),
          Effect.map((lifted) => lifted === 1),
        ),
      owner: step(() => redis.own(keys.counters, "")),
    })
  }),
)
